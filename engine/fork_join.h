// SPDX-License-Identifier: Apache-2.0
// Threads that wait for parallel regions: they spin for a moment after each, then sleep, so that an
// idle engine takes no time from other programs.
#pragma once

namespace ingrad {

// Calls part(context, i) for every i in [0, parts), on the calling thread and on up to `parts` - 1
// others; returns when all are done. A part that no thread has begun is taken by whichever is free
// first, the caller included: a region never waits for a thread that has yet to wake up.
// A region that is started while another is running, by a part or by another thread, runs on its
// caller alone. The first exception of a part is thrown again here.
// parts is at least 1 and at most kMostParts.
inline constexpr int kMostParts = 1024;
void fork_join(int parts, void (*part)(const void* context, int i), const void* context);

}  // namespace ingrad

// SPDX-License-Identifier: Apache-2.0
#include "engine/kernel_recorder.h"

namespace ingrad {
namespace {

thread_local KernelRecorder* current = nullptr;

}  // namespace

KernelRecorder* KernelRecorder::active() { return current; }

RecordingScope::RecordingScope(KernelRecorder* recorder) : before_(current) { current = recorder; }
RecordingScope::~RecordingScope() { current = before_; }

}  // namespace ingrad

// SPDX-License-Identifier: Apache-2.0
// usage: train_slowly CHECKPOINT WEIGHTS    trains the toy problem, resuming from CHECKPOINT if it
// is there, and writes the final weights. A test kills it again and again.
#include <unistd.h>

#include <cstdio>

#include "engine/io/safetensors.h"
#include "tests/models/toy_training.h"

int main(int argc, char** argv) {
  using namespace ingrad;
  if (argc != 3) return 2;
  try {
    const auto model = testing::toy_model();
    const BatchSource data = testing::clouds(30, 16), held_out = testing::clouds(4, 32, 9);
    TrainOptions o = testing::toy_options();
    o.checkpoint = {.path = argv[1], .every_seconds = 0, .every_steps = 7, .resume = true};
    TrainCallbacks calls;
    calls.step = [](const StepReport&) { usleep(2000); };  // so that there is something to kill
    train(*model, data, &held_out, o, calls);
    write_safetensors(argv[2], model->state());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "train_slowly: %s\n", e.what());
    return 1;
  }
  return 0;
}

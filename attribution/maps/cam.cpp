// SPDX-License-Identifier: Apache-2.0
#include "attribution/maps/cam.h"

#include <fmt/format.h>

#include "attribution/maps/layer_maps.h"

namespace ingrad {

std::vector<Attribution> explain_cams(const ModelFn& model, const Tensor& x,
                                      const std::vector<CamRule>& rules, const CamOptions& o,
                                      const ExplainOptions& options, Location where) {
  if (rules.empty()) throw Error("cam: no rules; expected at least one", where);
  ExplainRun run(std::string(name_of(rules[0])), model, x, options, where);
  const LayerMaps maps(run, model, o);
  const std::size_t size = maps.map_size();
  std::vector<std::vector<double>> of_rules(
      rules.size(), std::vector<double>(static_cast<std::size_t>(run.samples()) * size));
  run.pool().compute_classes(
      [&](std::int64_t classes) {
        return layers_program(model, run.inputs().shape().without(0), maps.layers(), options.scalar,
                              true, classes, where);
      },
      run.items(1), run.unchanged(),
      [&](const WorkItem& w, double, std::span<const float> array) {
        std::size_t at = 0;
        for (std::size_t l = 0; l < maps.layers().size(); ++l) {
          const std::size_t n = maps.layer_size(l);
          const auto a = maps.channels(l, array.subspan(at, n));
          const auto g = maps.channels(l, array.subspan(array.size() / 2 + at, n));
          for (std::size_t r = 0; r < rules.size(); ++r) {
            const auto to =
                std::span(of_rules[r]).subspan(static_cast<std::size_t>(w.sample) * size, size);
            maps.add(l, cam_map(rules[r], a, g, maps.points(l), o.seed, run.number_of(w.sample)),
                     to);
          }
          at += n;
        }
      });
  run.result().steps.assign(static_cast<std::size_t>(run.samples()), 1);
  const Attribution common = maps.finish(run, of_rules[0]);
  std::vector<Attribution> results;
  for (std::size_t r = 0; r < rules.size(); ++r) {
    Attribution a = common;
    a.method = name_of(rules[r]);
    if (rules[r] == CamRule::random_cam) a.seed = o.seed;
    if (r > 0) maps.replace(a, of_rules[r]);
    results.push_back(std::move(a));
  }
  return results;
}

Attribution explain_cam(const ModelFn& model, const Tensor& x, CamRule rule, const CamOptions& o,
                        const ExplainOptions& options, Location where) {
  return explain_cams(model, x, {rule}, o, options, where)[0];
}

}  // namespace ingrad

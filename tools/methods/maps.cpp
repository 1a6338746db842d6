// SPDX-License-Identifier: Apache-2.0
// Class activation maps of a layer.
#include <fmt/format.h>

#include "attribution/layers/layers.h"
#include "attribution/maps/cam.h"
#include "attribution/maps/guided_grad_cam.h"
#include "tools/methods/families.h"

namespace ingrad::tools {
namespace {

// The last layer that is still a picture: [C, h, w] of more than one point.
std::string last_map(const ModelFn& model, const Tensor& x) {
  std::string last;
  for (const Layer& l : layers_of(model, x.shape().without(0), x.device())) {
    if (l.shape.rank() == 3 && l.shape[1] * l.shape[2] > 1) last = l.name;
  }
  if (last.empty()) {
    throw Error("maps of a layer: the model has no layer [C, h, w] of more than one point");
  }
  return last;
}

CamOptions cam_options(const ModelFn& model, const Tensor& x, const MethodSettings& s) {
  CamOptions o{.layers = s.layers, .seed = s.seed};
  if (o.layers.empty()) o.layers = {last_map(model, x)};
  return o;
}

Method map_method(CamRule rule, std::string title, std::string doc, std::string when,
                  std::string axioms) {
  Method m{.name = std::string(name_of(rule)),
           .title = std::move(title),
           .family = "maps",
           .doc = std::move(doc),
           .when = std::move(when),
           .cost = "1 G",
           .axioms = std::move(axioms),
           .needs = "pictures, a layer (default: the last one with points)"};
  m.explain = [rule](const ModelFn& model, const Tensor& x, const MethodSettings& s,
                     const ExplainOptions& options) {
    return explain_cam(model, x, rule, cam_options(model, x, s), options);
  };
  return m;
}

}  // namespace

std::vector<Method> map_methods() {
  return {
      map_method(CamRule::grad_cam, "Grad-CAM",
                 "Channels of a layer, weighted by their mean gradient",
                 "The usual map of a convolutional net: coarse, and easy to read", "scale"),
      map_method(CamRule::grad_cam_plus_plus, "Grad-CAM++",
                 "Channels, weighted by positive gradients with more weight on small regions",
                 "When several objects of the class are in the picture", ""),
      map_method(CamRule::xgrad_cam, "XGrad-CAM", "Channels, weighted by gradient times activation",
                 "As Grad-CAM, with weights that come nearer to completeness", "scale"),
      map_method(
          CamRule::hires_cam, "HiResCAM", "The sum over channels of gradient times activation",
          "When the map must show what the layer used; exact for one linear layer above", "scale"),
      map_method(CamRule::element_wise, "Element-wise CAM",
                 "The sum over channels of the positive part of gradient times activation",
                 "As HiResCAM, for support only", "scale"),
      map_method(CamRule::layer_cam, "LayerCAM",
                 "The sum over channels of positive gradient times activation",
                 "For early layers and fine maps", "scale"),
      map_method(CamRule::eigen_cam, "Eigen-CAM", "The principal direction of the activations",
                 "For what a layer sees, whatever the class", ""),
      map_method(CamRule::eigen_grad_cam, "Eigen-Grad-CAM",
                 "The principal direction of gradient times activation",
                 "As Eigen-CAM, for a class", ""),
      map_method(CamRule::norm_grad, "NormGrad",
                 "At each point, the norm of the activations times that of the gradients",
                 "For early layers; not signed", ""),
      map_method(CamRule::random_cam, "Random CAM", "Channels with random weights",
                 "As a control: a method that cannot beat it shows the layer, not the class", ""),
      {.name = "guided_grad_cam",
       .title = "Guided Grad-CAM",
       .family = "maps",
       .doc = "Guided backpropagation, where Grad-CAM is positive",
       .when = "For pictures in print; what guided backpropagation lacks, it lacks too",
       .cost = "2 G",
       .needs = "pictures, a layer (default: the last one with points), ReLU",
       .explain =
           [](const ModelFn& model, const Tensor& x, const MethodSettings& s,
              const ExplainOptions& options) {
             return explain_guided_grad_cam(model, x, cam_options(model, x, s), options);
           }},
      {.name = "ablation_cam",
       .title = "Ablation-CAM",
       .family = "maps",
       .doc = "Channels, weighted by how far the output falls without them",
       .when = "As Grad-CAM, without gradients: where they saturate",
       .cost = "C F of what follows the layer",
       .needs = "pictures, one layer (default: the last one with points)",
       .explain =
           [](const ModelFn& model, const Tensor& x, const MethodSettings& s,
              const ExplainOptions& options) {
             return explain_ablation_cam(model, x, {.cam = cam_options(model, x, s)}, options);
           }},
      {.name = "score_cam",
       .title = "Score-CAM",
       .family = "maps",
       .doc = "Channels, weighted by the output for the picture behind them as a mask",
       .when = "As Ablation-CAM, in terms of what is seen; best with the scalar prob",
       .cost = "C F",
       .needs = "pictures, one layer (default: the last one with points), a baseline",
       .explain =
           [](const ModelFn& model, const Tensor& x, const MethodSettings& s,
              const ExplainOptions& options) {
             return explain_score_cam(
                 model, x, {.cam = cam_options(model, x, s), .baselines = s.baselines}, options);
           }},
  };
}

}  // namespace ingrad::tools

// SPDX-License-Identifier: MIT
/// \file
/// One gradient made of many: at copies of a point, at points around it, at scaled, shrunken or shifted ones.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/box.hpp"
#include "foil/geometry/image.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// What becomes of every point before its gradient is taken.
struct ViewOptions {
  int scales = 1;         ///< for k = 0 to scales - 1, what stands out from the ground is divided by 2^k
  double diversity = 0;   ///< share of the views that are shrunk and placed anywhere on the ground; images
  double smallest = 0.9;  ///< what they are shrunk to at most, as a share of height and width
  geometry::ChannelsLast channels_last{};
};

/// Gradients at so many points, uniform in the ball of that radius, and their mean.
struct GradientsAround {
  int count = 1;
  double radius = 0;
  Eigen::VectorXd mean{};
};

/// Averages gradients of an objective with respect to a point x over views of it, each of which is an affine
/// function of x: x itself, x plus noise, copies scaled by 1/2^k towards the ground (scale invariance: Lin et
/// al. 2020, arXiv:1908.06281), shrunken and placed at random (input diversity: Xie et al. 2019,
/// arXiv:1803.06978). The ground of a feature is its lower bound; without one 0, or the bound next to 0.
///
/// Gradients are pulled back by the exact adjoint of each view. (The box, the mask and the lattice, which the
/// engine applies to what is asked about, count as not being there.) All views are asked about in one
/// question, or in few where the batch has no room; what is found does not depend on that. Keeps one vector
/// per view that is under way. Random numbers: Purpose::noise and Purpose::window.
class AveragedGradient {
 public:
  /// Uniform in the unit ball of a norm.
  using Ball = Eigen::VectorXd (*)(const geometry::Box&, RandomDraw);

  /// Throws foil::Error if images are wanted and the sample is none.
  AveragedGradient(const Oracle& oracle, const ViewOptions& options, Ball ball)
      : options_(options), ball_(ball) {
    if (options_.diversity > 0) layout_ = geometry::image_layout(oracle.shape(), options_.channels_last);
  }

  /// Writes the means of gradients around `centre`, `around[k].count` x `scales` of them each. Where the
  /// centre itself is among the views, and within epsilon, it counts as a point that the attack proposes.
  Task<> ask(Oracle& oracle, const Eigen::VectorXd& centre, double epsilon, const Objective& objective,
             std::span<GradientsAround> around) {
    std::int64_t total = 0;
    for (GradientsAround& group : around) {
      total += std::int64_t{group.count} * options_.scales;
      if (group.count > 0) group.mean.setZero(centre.size());
    }
    std::size_t group = 0;
    std::int64_t of_group = 0;
    while (total > 0) {
      const auto count = std::min(total, static_cast<std::int64_t>(oracle.room()));
      views_.clear();
      points_.resize(static_cast<std::size_t>(count));
      for (Eigen::VectorXd& point : points_) {
        while (of_group == std::int64_t{around[group].count} * options_.scales) ++group, of_group = 0;
        make_view(oracle, centre, epsilon, group, around[group].radius,
                  static_cast<int>(of_group % options_.scales), point);
        ++of_group;
      }
      const auto answers = co_await oracle.gradients(points_, objective);
      for (std::size_t k = 0; k < answers.size(); ++k)
        pull_back(oracle, views_[k], answers[k].gradient, around[views_[k].group].mean);
      total -= count;
    }
    for (GradientsAround& one : around)
      if (one.count * std::int64_t{options_.scales} > 1)
        one.mean /= static_cast<double>(one.count) * options_.scales;
  }

 private:
  struct View {
    std::size_t group;
    double scale;
    std::optional<geometry::ShrinkAndPlace> place;
  };

  /// Adds the next view to `views_` and writes the point to be asked about.
  void make_view(const Oracle& oracle, const Eigen::VectorXd& centre, double epsilon, std::size_t group,
                 double radius, int halvings, Eigen::VectorXd& point) {
    const std::uint32_t draw = draw_++;
    views_.push_back({group, std::ldexp(1.0, -halvings), {}});
    View& view = views_.back();
    point = centre;
    if (radius > 0) {
      point += radius * ball_(oracle.box(), oracle.random(Purpose::noise, draw));
      oracle.box().clip(point);
    }
    if (options_.diversity > 0) view.place = draw_place(oracle.random(Purpose::window, draw));
    if (halvings == 0 && !view.place) {
      if (radius == 0) oracle.settle(point, epsilon);
      return;
    }
    const geometry::Box& box = oracle.box();
    Eigen::VectorXd& ground = oracle.scratch(0);
    for (Index i = 0; i < point.size(); ++i) {
      ground[i] = std::isfinite(box.lower[i]) ? box.lower[i] : std::min(0.0, box.upper[i]);
      point[i] = ground[i] + view.scale * (point[i] - ground[i]);
    }
    if (!view.place) return;
    view.place->apply(point, ground);
    point = ground;
  }

  /// Where the next view goes; nothing if it stays as it is.
  std::optional<geometry::ShrinkAndPlace> draw_place(RandomDraw random) const {
    if (!(random.uniform() < options_.diversity)) return {};
    const double share = options_.smallest + (1 - options_.smallest) * random.uniform();
    const auto shrunk = [&](Index size) {
      const auto rounded = static_cast<Index>(std::lround(share * static_cast<double>(size)));
      return std::clamp<Index>(rounded, 1, size);
    };
    const auto place = [&](Index room) {
      return std::min(room, static_cast<Index>(random.uniform() * static_cast<double>(room + 1)));
    };
    const Index height = shrunk(layout_.height), width = shrunk(layout_.width);
    const Index top = place(layout_.height - height), left = place(layout_.width - width);
    return geometry::ShrinkAndPlace(layout_, height, width, top, left);
  }

  static void pull_back(const Oracle& oracle, const View& view, const Eigen::VectorXd& gradient,
                        Eigen::VectorXd& sum) {
    if (view.place) {
      Eigen::VectorXd& spread = oracle.scratch(0);
      view.place->adjoint(gradient, spread);
      sum += view.scale * spread;
    } else if (view.scale != 1) {
      sum += view.scale * gradient;
    } else {
      sum += gradient;
    }
  }

  ViewOptions options_;
  Ball ball_;
  geometry::ImageLayout layout_{};
  std::uint32_t draw_ = 0;
  std::vector<View> views_{};
  std::vector<Eigen::VectorXd> points_{};
};

}  // namespace foil

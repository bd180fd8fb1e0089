// SPDX-License-Identifier: MIT
#include "foil/attacks/parts/averaged_gradient.hpp"

#include <array>

#include "foil/attacks/parts/momentum.hpp"
#include "foil/geometry/sampling.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Images = Tensor<double, 4>;

/// The mean of an objective over all views of a point, and what is given as its gradient.
struct Averages {
  double value = 0;
  Eigen::VectorXd gradient{};
};

/// Images of 2 x 3 x 4 and a function of their logits that is smooth.
struct Scene {
  Mlp<Images> model{24, 12, 3, 1};
  Images image{1, 2, 3, 4};
  Scene() {
    Random random(2);
    for (Index i = 0; i < 24; ++i) image.data()[i] = random.uniform(0.4, 0.6);
  }

  Averages at(const Eigen::VectorXd& x, const ViewOptions& options, int count, double radius,
              Index batch = 100) const {
    Averages out;
    int asked = 0;
    const auto objective = [&](const Eigen::VectorXd& z, Eigen::VectorXd* gradient) {
      if (gradient) *gradient = z;
      ++asked;
      out.value += z.squaredNorm() / 2;
      return z.squaredNorm() / 2;
    };
    const Scripted<> script([&](Oracle& oracle) -> Task<> {
      const Objective own(objective);
      AveragedGradient average(oracle, options, [](const geometry::Box& box, RandomDraw draw) {
        return geometry::uniform_in_ball<Linf>(box, draw);
      });
      std::array<GradientsAround, 2> around;
      around[0].count = count;
      around[0].radius = radius;
      around[1].count = 0;
      co_await average.ask(oracle, x, 10, own, around);
      out.gradient = around[0].mean;
    });
    // A class that is never left, so that nothing ends early.
    const auto never = foil::Labels::Zero(1);
    script(model, image, MarginAbove(never, 1e6), {.batch_size = batch});
    REQUIRE(asked == count * options.scales);
    out.value /= asked;
    return out;
  }
};

}  // namespace

TEST_CASE("the averaged gradient is the gradient of the average, whatever the views") {
  const Scene scene;
  const Eigen::VectorXd x = sample(scene.image, 0);
  for (const ViewOptions& options :
       {ViewOptions{}, ViewOptions{.scales = 4}, ViewOptions{.diversity = 1, .smallest = 0.3},
        ViewOptions{.scales = 2, .diversity = 0.5, .smallest = 0.5},
        ViewOptions{.diversity = 1, .smallest = 0.3, .channels_last = true}})
    for (const double radius : {0.0, 0.1}) {
      const Averages at = scene.at(x, options, 3, radius);
      for (Index i = 0; i < x.size(); i += 5) {
        constexpr double h = 1e-5;
        Eigen::VectorXd up = x, down = x;
        up[i] += h;
        down[i] -= h;
        const double slope =
            (scene.at(up, options, 3, radius).value - scene.at(down, options, 3, radius).value) / (2 * h);
        CHECK(at.gradient[i] == Catch::Approx(slope).epsilon(1e-5).margin(1e-7));
      }
      const Averages in_parts = scene.at(x, options, 3, radius, 1);
      CHECK(in_parts.gradient == at.gradient);
    }
}

TEST_CASE("momentum adds gradients by their mean size, whatever the size, and nothing where there is none") {
  geometry::Box box{Eigen::Vector3d::Zero(), Eigen::Vector3d::Ones(), {}};
  Eigen::VectorXd m = Eigen::Vector3d(1, 2, -3);
  for (const double size : {1.0, 1e-300, 1e300}) {
    Eigen::VectorXd sum = m;
    accumulate(box, 0.5, size * Eigen::Vector3d(2, -4, 0), sum);
    CHECK((sum - Eigen::Vector3d(1.5, -1, -1.5)).norm() <= 1e-15);
  }
  accumulate(box, 0.5, Eigen::Vector3d::Zero(), m);
  CHECK(m == Eigen::Vector3d(0.5, 1, -1.5));
  box.frozen = Eigen::Array3<bool>(false, false, true);  // what is frozen does not count
  accumulate(box, 0, Eigen::Vector3d(1, 3, 0), m);
  CHECK((m - Eigen::Vector3d(0.5, 1.5, 0)).norm() <= 1e-15);
}

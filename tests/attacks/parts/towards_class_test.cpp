// SPDX-License-Identifier: MIT
#include "foil/attacks/parts/towards_class.hpp"

#include <algorithm>
#include <functional>
#include <limits>

#include "support/catch.hpp"
#include "support/models.hpp"

using namespace foil;

TEST_CASE("towards a class: the values are those of the definitions, the gradients those of the values") {
  test::Random random(1);
  for (int repeat = 0; repeat < 50; ++repeat) {
    const Index classes = 2 + random.integer(5), leave = random.integer(classes),
                reach = (leave + 1 + random.integer(classes - 1)) % classes;
    const Eigen::VectorXd z = 2 * random.normals(classes);
    Eigen::VectorXd sorted = z;
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    double others = -std::numeric_limits<double>::infinity();
    for (Index k = 0; k < classes; ++k)
      if (k != reach) others = std::max(others, z[k]);
    const double spread = classes < 4 ? 1 : sorted[0] - (sorted[2] + sorted[3]) / 2;
    const auto close = [](double value) { return Catch::Approx(value).epsilon(1e-11).margin(1e-12); };
    CHECK(TowardsClass{Loss::margin, leave, reach}(z, nullptr) == z[reach] - z[leave]);
    CHECK(TowardsClass{Loss::margin, -1, reach}(z, nullptr) == z[reach] - others);
    CHECK(TowardsClass{Loss::dlr, leave, reach}(z, nullptr) == close((z[reach] - z[leave]) / spread));
    CHECK(TowardsClass{Loss::dlr, -1, reach}(z, nullptr) == close((z[reach] - others) / spread));
    CHECK(TowardsClass{Loss::lsem, leave, reach}(z, nullptr) == losses::targeted(Loss::lsem, z, reach));
    CHECK(TowardsClass{Loss::cross_entropy, leave, reach}(z, nullptr) ==
          losses::targeted(Loss::cross_entropy, z, reach));
    for (const Loss loss : {Loss::lsem, Loss::cross_entropy, Loss::margin, Loss::dlr})
      for (const Index from : {leave, Index{-1}}) {
        CAPTURE(static_cast<int>(loss), from, reach, z.transpose());
        const TowardsClass towards{loss, from, reach};
        Eigen::VectorXd gradient(classes);
        CHECK(towards(z, &gradient) == towards(z, nullptr));
        CHECK(gradient.sum() == close(0));
        for (Index k = 0; k < classes; ++k) {
          Eigen::VectorXd up = z, down = z;
          up[k] += 1e-6;
          down[k] -= 1e-6;
          CHECK((towards(up, nullptr) - towards(down, nullptr)) / 2e-6 ==
                Catch::Approx(gradient[k]).epsilon(1e-4).margin(1e-6));
        }
      }
  }
}

TEST_CASE("towards a class: where the logits are all equal, DLR is the margin") {
  Eigen::VectorXd gradient(4);
  CHECK(TowardsClass{Loss::dlr, 0, 2}(Eigen::Vector4d(3, 3, 3, 3), &gradient) == 0);
  CHECK(gradient == Eigen::Vector4d(-1, 0, 1, 0));
}

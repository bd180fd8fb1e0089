// SPDX-License-Identifier: MIT
#include "foil/evaluation/shape_bias.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "foil/evaluation/imagenet_16.hpp"
#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"

namespace {
using namespace foil;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;

/// How often an observer decided for the shape and for the texture, in so many images with two cues: counted
/// in the responses that Geirhos et al. 2019 published (CC BY 4.0).
struct Observed {
  const char* observer;
  Index images, shape, texture;
  double bias;  ///< as the authors give it, to four digits
};
const Observed published[] = {
    {"ten people", 12000, 9236, 398, 0.9587},       {"AlexNet", 1200, 283, 376, 0.4294},
    {"GoogLeNet", 1200, 228, 503, 0.3119},          {"VGG-16", 1200, 130, 625, 0.1722},
    {"ResNet-50", 1200, 162, 572, 0.2207},          {"AlexNet, torchvision", 1200, 182, 537, 0.2531},
    {"VGG-16, torchvision", 1200, 84, 828, 0.0921}, {"ResNet-50, stylised", 1200, 586, 141, 0.8061}};

}  // namespace

TEST_CASE("shape bias: the published ones follow from the decisions", "[evaluation]") {
  for (const Observed& one : published) {
    INFO(one.observer);
    Labels decisions(one.images), shapes(one.images), textures(one.images);
    for (Index i = 0; i < one.images; ++i) {
      shapes[i] = static_cast<int>(i % 16);
      textures[i] = static_cast<int>((i + 1 + i / 16 % 15) % 16);
      const int third = static_cast<int>((i + 1 + (i / 16 + 1) % 15) % 16);
      decisions[i] = i < one.shape                 ? shapes[i]
                     : i < one.shape + one.texture ? textures[i]
                     : i % 2                       ? third
                                                   : -1;
    }
    const ShapeBias found = shape_bias(decisions, shapes, textures, 16);
    CHECK(found.images() == one.images);
    CHECK(found.shape == one.shape);
    CHECK(found.texture == one.texture);
    CHECK(std::abs(found.bias() - one.bias) < 0.5e-4);
    CHECK(found.either() ==
          Approx(static_cast<double>(one.shape + one.texture) / static_cast<double>(one.images)));
    CHECK(found.interval() == clopper_pearson(one.shape, one.shape + one.texture));
  }
}

TEST_CASE("shape bias: images whose cues agree do not count, and categories have their own", "[evaluation]") {
  const Labels shapes{{0, 0, 0, 1, 1, 2, 2}}, textures{{0, 1, 2, 0, 2, 0, 1}}, said{{0, 0, 2, 2, 2, -1, 1}};
  const ShapeBias found = shape_bias(said, shapes, textures, 3);
  CHECK(found.agreeing == 1);
  CHECK(found.images() == 6);
  CHECK(found.shape == 1);
  CHECK(found.texture == 3);
  CHECK(found.other == 2);
  CHECK(found.bias() == 0.25);
  CHECK(found.either() == Approx(4. / 6));
  CHECK(found.by_shape[0].bias() == 0.5);
  CHECK(found.by_shape[1].texture == 1);
  CHECK(found.by_shape[1].other == 1);
  CHECK(found.by_shape[2].images() == 2);
  CHECK(found.by_texture[1].shape == 1);
  CHECK(found.by_texture[1].texture == 1);
  CHECK(found.by_texture[0].other == 2);
  CHECK(std::isnan(found.by_texture[0].bias()));
  CHECK_THROWS_WITH(shape_bias(said, shapes, textures, 2),
                    ContainsSubstring("below 2, got 0 and 2 for image 2"));
  CHECK_THROWS_WITH(shape_bias(said, shapes, Labels{{0}}, 3), ContainsSubstring("got 7 and 1 for 7"));
  CHECK_THROWS_WITH(shape_bias(Labels{}, Labels{}, Labels{}, 3), ContainsSubstring("at least one"));
}

TEST_CASE("shape bias: a model of shapes has all of it, one of textures nothing", "[evaluation]") {
  using Input = Tensor<float, 2>;
  const Labels shapes{{0, 1, 2, 2}}, textures{{1, 2, 0, 2}};
  Input images(4, 2);
  for (Index i = 0; i < 4; ++i) {
    images(i, 0) = static_cast<float>(shapes[i]);
    images(i, 1) = static_cast<float>(textures[i]);
  }
  const auto looking_at = [](Index cue) {
    return make_model<Input>({0.f, 3.f}, [cue](const Input& x) {
      Labels out(samples(x));
      for (Index i = 0; i < out.size(); ++i) out[i] = static_cast<int>(x(i, cue));
      return out;
    });
  };
  const auto shape = looking_at(0), texture = looking_at(1);
  CHECK(cue_conflict(shape, images, shapes, textures, 3).bias() == 1);
  CHECK(cue_conflict(texture, images, shapes, textures, 3).bias() == 0);
  CHECK(cue_conflict(texture, images, shapes, textures, 3, 1).texture == 3);
}

TEST_CASE("shape bias: names of files tell the cues", "[evaluation]") {
  const Categories sixteen = imagenet_16();
  const auto cues = [&](const char* name) { return cues_in_name(name, sixteen); };
  CHECK(cues("cat7-elephant1.png").shape == 7);
  CHECK(cues("cat7-elephant1.png").texture == 11);
  CHECK(cues("a-b/0001_s5n_dnn_0_airplane_00_airplane10-bicycle2.png").shape == 0);
  CHECK(cues("a-b/0001_s5n_dnn_0_airplane_00_airplane10-bicycle2.png").texture == 2);
  for (const char* wrong : {"cat7.png", "cat-elephant1.png", "cat7-elephant.png", "cow7-cat1.png",
                            "7-cat1.png", "", "cat7-elephant1-dog2.png"})
    CHECK_THROWS_WITH(cues(wrong), ContainsSubstring("like cat7-elephant1.png"));
}

TEST_CASE("shape bias: the sixteen categories hold 207 classes of ImageNet", "[evaluation]") {
  const Categories sixteen = imagenet_16();
  const std::vector<std::size_t> sizes{1, 4, 2, 49, 5, 7, 3, 6, 4, 3, 109, 2, 2, 1, 1, 8};
  REQUIRE(sixteen.size() == 16);
  CHECK(sixteen.classes() == 1000);
  std::size_t all = 0;
  for (Index k = 0; k < 16; ++k) {
    CHECK(sixteen.members(k).size() == sizes[static_cast<std::size_t>(k)]);
    all += sixteen.members(k).size();
  }
  CHECK(all == 207);
  const auto of = [&](int label) {
    const int k = sixteen.of_class(label);
    return k < 0 ? std::string() : sixteen.names()[static_cast<std::size_t>(k)];
  };
  CHECK(of(404) == "airplane");  // airliner
  CHECK(of(281) == "cat");       // tabby
  CHECK(of(207) == "dog");       // golden retriever
  CHECK(of(386) == "elephant");  // African elephant
  CHECK(of(22) == "bird");       // bald eagle
  CHECK(of(21).empty());         // kite
  CHECK(of(9).empty());          // ostrich
  CHECK(of(817) == "car");       // sports car
  CHECK(of(867) == "truck");     // trailer truck
  CHECK(of(269).empty());        // timber wolf
  for (const int left_out : {192, 204, 227, 242, 251, 258, 260, 264}) CHECK(of(left_out).empty());
}

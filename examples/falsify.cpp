// SPDX-License-Identifier: MIT
// A property for verifiers, and the search for a counterexample that comes before them: no image within
// epsilon of a digit, in Linf, is another digit to the network.
//
// falsify [image] [epsilon] [property.vnnlib] [counterexample.txt] [seconds]
//
// Writes the property in VNN-LIB and, if there is one, the counterexample as the competition of verifiers
// takes it. What holds is for a verifier to prove: it reads the same files.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <foil/evaluation/falsify.hpp>
#include <foil/io/data.hpp>
#include <foil/io/labels.hpp>
#include <foil/io/vnnlib.hpp>
#include <foil/onnx/onnx.hpp>
#include <span>
#include <string>
#include <vector>

namespace {

using Rows = foil::Tensor<float, 2>;

std::span<const float> numbers(const auto& of) {
  return {of.data(), static_cast<std::size_t>(of.size())};
}

void look(int argc, char** argv) {
  const std::string data = FOIL_EXAMPLES_DATA;
  const foil::Index image = argc > 1 ? std::atol(argv[1]) : 8;
  const double epsilon = argc > 2 ? std::atof(argv[2]) : 0.08, seconds = argc > 5 ? std::atof(argv[5]) : 60;
  const std::string stated = argc > 3 ? argv[3] : "digit.vnnlib";
  const std::string written = argc > 4 ? argv[4] : "counterexample.txt";
  const foil::Bounds<float> bounds(0, 1);
  const auto images = foil::io::read_images(data + "/mnist-test-1000-images.idx3-ubyte.gz", bounds);
  const foil::Labels labels = foil::io::read_labels(data + "/mnist-test-1000-labels.idx1-ubyte.gz");
  foil::require(image >= 0 && image < labels.size(), "expected an image from 0 to ", labels.size() - 1,
                ", got ", image);

  const auto digit = foil::sample(images, image);
  foil::io::write_vnnlib(stated,
                         foil::io::vnnlib_robustness(numbers(digit), epsilon, bounds, labels[image], 10),
                         foil::text("MNIST test image ", image, ", a ", labels[image], ", within ", epsilon));

  // From here on, what foil-falsify does with any property and network.
  const foil::io::VnnLib property = foil::io::read_vnnlib(stated);
  std::vector<foil::FalsifyCase> cases;
  for (const auto& one : property.cases)
    cases.push_back({one.lowest.cast<double>(), one.highest.cast<double>(), one.property});
  const auto network = foil::onnx::load<float, 2>(data + "/mnist_cnn.onnx",
                                                  {.bounds = bounds, .flat_input = true, .flattened = true});
  const auto found =
      foil::falsify(network, Rows::Dimensions(1, property.inputs), cases, {.seconds = seconds});
  std::printf("image %ld, a %d, within %g: %s after %lld calls", static_cast<long>(image), labels[image],
              epsilon, found.sure ? "sat" : "unknown", static_cast<long long>(found.calls));
  if (!found.sure) {
    std::printf("; the nearest outputs miss by %.3f\n", found.margin);
    return;
  }
  const Eigen::VectorXf outputs = found.outputs.cast<float>();
  const auto& box = property.cases[static_cast<std::size_t>(found.which_case)];
  foil::io::write_file(
      written,
      "sat\n" + counterexample_text(property, counterexample(box, numbers(found.input), numbers(outputs))));
  foil::Index answer = 0;
  found.outputs.maxCoeff(&answer);
  std::printf(", a %ld by %.3f\n%s and %s are written\n", static_cast<long>(answer), -found.margin,
              stated.c_str(), written.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    look(argc, argv);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "falsify: %s\n", error.what());
    return 2;
  }
}

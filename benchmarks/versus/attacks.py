# SPDX-License-Identifier: MIT
"""The attacks that foil and Foolbox both have: one row each. Adding an attack adds a row.

The two sides get the same number of steps or of queries, the same radius and, where they take them, the same
starting points. What a row does not say is each library's own default.
"""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    norm: str  # of the distance that is reported: l0, l1, l2, linf, as both sides spell it
    epsilon: float | None  # None: looks for the smallest radius by itself
    foil: tuple[str, ...]  # what foil-evaluate's --attack gets, one line of the table each; {steps} is filled in
    foolbox: str  # the class in foolbox.attacks
    arguments: dict = dataclasses.field(default_factory=dict)  # of its constructor
    budget: int | None = None  # foil-evaluate's --budget
    starts: bool = False  # takes starting points

    def specs(self):
        return [spec.format(**self.arguments) for spec in self.foil]


def steps(number):
    return {"steps": number}


def bethge(label, norm, foolbox):
    """Foolbox walks from one start; foil from up to 16 by default, and from one for what one walk is worth."""
    spec = f"{foolbox[:-len('BrendelBethgeAttack')].lower()}-brendel-bethge:steps={{steps}}"
    return Row(f"Brendel & Bethge {label}", norm, None, (spec, spec + ",starts=1"), foolbox, steps(1000), starts=True)


def boundary(number):
    """foil may make as many queries as Foolbox does: two in each tenth step and one for the start, then the check."""
    return Row(f"Boundary, {number:,} steps", "l2", None, ("boundary",), "BoundaryAttack", steps(number),
               budget=number + number // 10 + 1, starts=True)


TABLE = (
    Row("FGSM", "linf", 0.1, ("fgsm",), "LinfFastGradientAttack"),
    Row("FGM L2", "l2", 1.0, ("l2-fgm",), "L2FastGradientAttack"),
    Row("FGM L1", "l1", 10.0, ("l1-fgm",), "L1FastGradientAttack"),
    Row("BIM L∞", "linf", 0.1, ("linf-bim:steps={steps}",), "LinfBasicIterativeAttack", steps(10)),
    Row("BIM L2", "l2", 1.0, ("l2-bim:steps={steps}",), "L2BasicIterativeAttack", steps(10)),
    Row("BIM L1", "l1", 10.0, ("l1-bim:steps={steps}",), "L1BasicIterativeAttack", steps(10)),
    Row("Adam-BIM L∞", "linf", 0.1, ("linf-adam-bim:steps={steps}",), "LinfAdamBasicIterativeAttack", steps(10)),
    Row("Adam-BIM L2", "l2", 1.0, ("l2-adam-bim:steps={steps}",), "L2AdamBasicIterativeAttack", steps(10)),
    Row("Adam-BIM L1", "l1", 10.0, ("l1-adam-bim:steps={steps}",), "L1AdamBasicIterativeAttack", steps(10)),
    Row("PGD L∞", "linf", 0.1, ("linf-pgd:steps={steps}",), "LinfPGD", steps(40)),
    Row("PGD L2", "l2", 1.0, ("l2-pgd:steps={steps}",), "L2PGD", steps(50)),
    Row("PGD L1", "l1", 10.0, ("l1-pgd:steps={steps}",), "L1PGD", steps(50)),
    Row("Adam-PGD L∞", "linf", 0.1, ("linf-adam-pgd:steps={steps}",), "LinfAdamPGD", steps(40)),
    Row("Adam-PGD L2", "l2", 1.0, ("l2-adam-pgd:steps={steps}",), "L2AdamPGD", steps(50)),
    Row("Adam-PGD L1", "l1", 10.0, ("l1-adam-pgd:steps={steps}",), "L1AdamPGD", steps(50)),
    Row("Sparse L1 descent", "l1", 10.0, ("sparse-l1-descent:steps={steps}",), "SparseL1DescentAttack", steps(10)),
    Row("MI-FGSM L∞", "linf", 0.1, ("linf-mifgsm:steps={steps}",), "LinfMomentumIterativeFastGradientMethod", steps(10)),
    Row("MI-FGSM L2", "l2", 1.0, ("l2-mifgsm:steps={steps}",), "L2MomentumIterativeFastGradientMethod", steps(10)),
    Row("MI-FGSM L1", "l1", 10.0, ("l1-mifgsm:steps={steps}",), "L1MomentumIterativeFastGradientMethod", steps(10)),
    Row("Virtual adversarial", "l2", 2.0, ("l2-vat:steps={steps}",), "VirtualAdversarialAttack", steps(50)),
    Row("DeepFool L2", "l2", None, ("l2-deepfool",), "L2DeepFoolAttack"),
    Row("DeepFool L∞", "linf", None, ("linf-deepfool",), "LinfDeepFoolAttack"),
    Row("DDN", "l2", None, ("l2-ddn:steps={steps}",), "DDNAttack", steps(100)),
    Row("FMN L0", "l0", None, ("l0-fmn:steps={steps}",), "L0FMNAttack", steps(100)),
    Row("FMN L1", "l1", None, ("l1-fmn:steps={steps}",), "L1FMNAttack", steps(100)),
    Row("FMN L2", "l2", None, ("l2-fmn:steps={steps}",), "L2FMNAttack", steps(100)),
    Row("FMN L∞", "linf", None, ("linf-fmn:steps={steps}",), "LInfFMNAttack", steps(100)),
    Row("NewtonFool", "l2", None, ("newtonfool:steps={steps}",), "NewtonFoolAttack", steps(100)),
    Row("Carlini & Wagner L2", "l2", None, ("l2-carlini-wagner:steps={steps}",), "L2CarliniWagnerAttack", steps(1000)),
    Row("EAD", "l1", None, ("ead:steps={steps}",), "EADAttack", steps(1000)),
    bethge("L0", "l0", "L0BrendelBethgeAttack"),
    bethge("L1", "l1", "L1BrendelBethgeAttack"),
    bethge("L2", "l2", "L2BrendelBethgeAttack"),
    bethge("L∞", "linf", "LinfBrendelBethgeAttack"),
    boundary(1000),
    boundary(5000),
    Row("Gaussian noise L2", "l2", 5.0, ("l2-additive-gaussian-noise",), "L2AdditiveGaussianNoiseAttack"),
    Row("Uniform noise L2", "l2", 5.0, ("l2-additive-uniform-noise",), "L2AdditiveUniformNoiseAttack"),
    Row("Uniform noise L∞", "linf", 0.3, ("linf-additive-uniform-noise",), "LinfAdditiveUniformNoiseAttack"),
    Row("Gaussian noise L2, repeated", "l2", 5.0, ("l2-repeated-additive-gaussian-noise",),
        "L2RepeatedAdditiveGaussianNoiseAttack"),
    Row("Uniform noise L2, repeated", "l2", 5.0, ("l2-repeated-additive-uniform-noise",),
        "L2RepeatedAdditiveUniformNoiseAttack"),
    Row("Uniform noise L∞, repeated", "linf", 0.3, ("linf-repeated-additive-uniform-noise",),
        "LinfRepeatedAdditiveUniformNoiseAttack"),
    Row("Gaussian noise L2, clipping-aware", "l2", 5.0, ("l2-clipping-aware-additive-gaussian-noise",),
        "L2ClippingAwareAdditiveGaussianNoiseAttack"),
    Row("Uniform noise L2, clipping-aware", "l2", 5.0, ("l2-clipping-aware-additive-uniform-noise",),
        "L2ClippingAwareAdditiveUniformNoiseAttack"),
    Row("Gaussian noise L2, clipping-aware, repeated", "l2", 5.0,
        ("l2-clipping-aware-repeated-additive-gaussian-noise",), "L2ClippingAwareRepeatedAdditiveGaussianNoiseAttack"),
    Row("Uniform noise L2, clipping-aware, repeated", "l2", 5.0,
        ("l2-clipping-aware-repeated-additive-uniform-noise",), "L2ClippingAwareRepeatedAdditiveUniformNoiseAttack"),
    Row("Blended noise", "l2", None, ("blended-noise",), "BlendedUniformNoiseAttack"),
    Row("Salt and pepper", "l2", None, ("salt-and-pepper:steps={steps}",), "SaltAndPepperNoiseAttack", steps(1000)),
    Row("Dataset attack", "l2", None, ("dataset",), "DatasetAttack"),
)


def table(quick=False):
    """All rows; for a trial run with a tenth of the steps and queries."""
    if not quick:
        return TABLE
    return tuple(dataclasses.replace(row, budget=row.budget and row.budget // 10,
                                     arguments={name: max(1, value // 10) for name, value in row.arguments.items()})
                 for row in TABLE)

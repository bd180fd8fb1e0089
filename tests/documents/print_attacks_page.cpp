// SPDX-License-Identifier: MIT
// Prints docs/attacks.md from the catalogue, to a file if one is given.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "catalogue/all_attacks.hpp"

namespace {

using foil::AttackEntry;
using foil::OptionInfo;
using foil::text;
using Options = std::vector<OptionInfo>;

/// The entries of a family, without their minimal forms.
struct Family {
  foil::FamilyInfo info;
  std::vector<AttackEntry> attacks;
};

std::vector<Family> families() {
  std::vector<Family> all;
  for (const AttackEntry& entry : programs::all_attacks().entries()) {
    if (entry.minimal_form) continue;
    if (all.empty() || all.back().info.title != entry.family.title) all.push_back({entry.family, {}});
    all.back().attacks.push_back(entry);
  }
  return all;
}

std::string code(const std::string& words) {
  return words.empty() ? "" : text('`', words, '`');
}

/// As code, what is between commas.
std::string codes(std::string words) {
  for (std::size_t at = 0; (at = words.find(", ", at)) != std::string::npos; at += 4)
    words.replace(at, 2, "`, `");
  return code(words);
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

/// The first arXiv number becomes a link.
std::string linked(const std::string& paper) {
  const std::size_t at = paper.find("arXiv:");
  if (at == std::string::npos) return paper;
  const std::size_t end = std::min(paper.find_first_not_of("0123456789.", at + 6), paper.size());
  const std::string number = paper.substr(at + 6, end - at - 6);
  return text(paper.substr(0, at), "[arXiv:", number, "](https://arxiv.org/abs/", number, ")",
              paper.substr(end));
}

/// What a heading can be linked by.
std::string anchor(const std::string& title) {
  std::string out;
  for (const char c : title)
    if (c == ' ' || c == '-')
      out += '-';
    else if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'))
      out += c;
    else if (c >= 'A' && c <= 'Z')
      out += static_cast<char>(c - 'A' + 'a');
  return text("[", title, "](#", out, ")");
}

bool same_options(const Options& a, const Options& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const OptionInfo& x, const OptionInfo& y) {
    return x.name == y.name && x.range == y.range && x.meaning == y.meaning;
  });
}

/// The defaults in which options differ from others of the same names.
std::string differences(const Options& options, const Options& others) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < options.size(); ++i)
    if (options[i].value != others[i].value) all.push_back(code(options[i].name + "=" + options[i].value));
  return joined(all);
}

std::string finds(const AttackEntry& attack) {
  return attack.minimal ? "the closest" : "any within a radius";
}

std::string knows(foil::Knowledge knowledge) {
  return knowledge == foil::Knowledge::gradients ? "gradients"
         : knowledge == foil::Knowledge::scores  ? "scores"
                                                 : "decisions";
}

/// A table without its empty columns.
std::string table(std::vector<std::string> heads, std::vector<std::vector<std::string>> rows) {
  for (std::size_t column = heads.size(); column-- > 0;) {
    if (std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return !row[column].empty(); }))
      continue;
    const auto drop = [&](auto& row) { row.erase(row.begin() + static_cast<std::ptrdiff_t>(column)); };
    drop(heads);
    std::for_each(rows.begin(), rows.end(), drop);
  }
  rows.insert(rows.begin(), {heads, std::vector<std::string>(heads.size(), "---")});
  std::string out;
  for (const auto& row : rows) {
    for (const std::string& cell : row) out += text("| ", cell, cell.empty() ? "" : " ");
    out += "|\n";
  }
  return out;
}

std::string table_of_options(const Options& options) {
  std::vector<std::vector<std::string>> rows;
  for (const OptionInfo& option : options) {
    const bool words = option.range.find_first_of("<>[(") == std::string::npos;
    rows.push_back(
        {code(option.name), code(option.value), words ? codes(option.range) : option.range, option.meaning});
  }
  return table({"option", "default", "range", "meaning"}, std::move(rows));
}

std::string table_of_families(const std::vector<Family>& all) {
  std::vector<std::vector<std::string>> rows;
  for (const Family& family : all) {
    std::vector<std::string> norms, knowledge, kinds;
    const auto add = [](std::vector<std::string>& list, const std::string& word) {
      if (std::find(list.begin(), list.end(), word) == list.end()) list.push_back(word);
    };
    for (const AttackEntry& attack : family.attacks) {
      add(norms, attack.norm.name());
      add(knowledge, knows(attack.knowledge));
      add(kinds, finds(attack));
    }
    rows.push_back({anchor(family.info.title), joined(knowledge), joined(norms), joined(kinds)});
  }
  return table({"family", "needs", "norms", "finds"}, std::move(rows));
}

std::string page() {
  const std::vector<Family> all = families();
  std::size_t attacks = 0;
  for (const Family& family : all) attacks += family.attacks.size();
  std::string out = text(
      "# The attacks\n\n*Printed from the catalogue by `cmake --build build/test --target attacks_page`; a "
      "test compares. Change the attacks, not this page.*\n\n",
      attacks, " attacks of ", all.size(),
      " families, by the names that the catalogue and `foil-evaluate` know them by. Options are written "
      "behind the name, `--attack linf-pgd:steps=40,restarts=5`; what is not said keeps its default. "
      "In C++, `foil::find_attack(\"linf-pgd\").make({{\"steps\", \"40\"}, {\"restarts\", \"5\"}})` "
      "(`foil/evaluation/catalogue.hpp`) makes the same attack; the classes, such as `foil::LinfPGD`, are "
      "named in the header of the family, `include/foil/attacks/<knowledge>/<family>.hpp` or a folder of "
      "that name (`grep -rl '\"DeepFool\"' include/foil/attacks`, with the title of its section below, finds "
      "it). There an option may be a member of a part, as `sharpness` of DDN, `.margin = {.sharpness = 5}`, "
      "and "
      "values that are words are enumerators. "
      "An attack that *needs* gradients cannot run on a model that gives decisions only. Some find *the "
      "closest* adversarial, others *any within a radius* `--epsilon`, unless asked for in their "
      "[minimal form](#minimal-forms).\n\n",
      table_of_families(all));

  std::vector<const Family*> with_table;  // families whose table of options has been printed
  for (const Family& family : all) {
    const Options& options = family.attacks.front().options;
    out += text("\n## ", family.info.title, "\n\n",
                family.info.paper.empty() ? "" : text(linked(family.info.paper), ". "),
                "Cost per sample: ", family.info.cost, ".\n\n");
    std::vector<std::vector<std::string>> rows;
    for (const AttackEntry& attack : family.attacks) {
      std::vector<std::string> synonyms;
      for (const std::string& synonym : attack.synonyms) synonyms.push_back(code(synonym));
      rows.push_back({code(attack.name), attack.norm.name(), knows(attack.knowledge), finds(attack),
                      same_options(attack.options, options) ? differences(attack.options, options) : "",
                      joined(synonyms)});
    }
    out += table({"attack", "norm", "needs", "finds", "own defaults", "also called"}, std::move(rows)) + '\n';
    const auto known = std::find_if(with_table.begin(), with_table.end(), [&](const Family* other) {
      return same_options(other->attacks.front().options, options);
    });
    if (known == with_table.end()) {
      out += table_of_options(options);
      with_table.push_back(&family);
    } else {
      const std::string own = differences(options, (*known)->attacks.front().options);
      out += text("Options as for ", anchor((*known)->info.title),
                  own.empty() ? "" : text(", by default with ", own), ".\n");
    }
    // An attack with options of its own in a family of others.
    for (const AttackEntry& attack : family.attacks)
      if (!same_options(attack.options, options))
        out += text("\nOptions of ", code(attack.name), ":\n\n", table_of_options(attack.options));
  }

  const auto& entries = programs::all_attacks().entries();
  const auto form = std::find_if(entries.begin(), entries.end(),
                                 [](const AttackEntry& entry) { return entry.minimal_form; });
  const std::size_t own = form->options.size() - std::prev(form)->options.size();
  out += text(
      "\n## Minimal forms\n\nEvery attack that finds any adversarial within a radius has a form that looks "
      "for the smallest radius at which it succeeds, and so for a close adversarial. Its name, and each of "
      "its synonyms, begins with `minimal-`: ",
      code(form->name),
      ", `minimal-linf-pgd:bisections=5,steps=20`. It needs no epsilon. It begins "
      "with the radius that the first gradient suggests, enlarges it until the attack succeeds, reduces it "
      "until it fails, and bisects their ratio. Its cost is that of the attack, at most 1 + `doublings` + "
      "`bisections` times and about a dozen times in practice; its options are those of the attack and\n\n",
      table_of_options({form->options.begin(), form->options.begin() + static_cast<std::ptrdiff_t>(own)}));
  return out;
}

}  // namespace

int main(int argc, char** argv) try {
  std::FILE* const file = argc > 1 ? std::fopen(argv[1], "w") : stdout;
  foil::require(file, argc > 1 ? argv[1] : "", ": cannot be written");
  const std::string text = page();
  foil::require(std::fputs(text.c_str(), file) >= 0 && std::fflush(file) == 0, "the page was not written");
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "print_attacks_page: %s\n", error.what());
  return 2;
}

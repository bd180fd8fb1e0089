// SPDX-License-Identifier: MIT
/// \file
/// The page of models beside people: one file, which needs nothing else and no network.
#pragma once

#include <string>

#include "foil/core/error.hpp"
#include "foil/report/html/markup.hpp"
#include "foil/report/html/people.hpp"
#include "foil/report/html/sections.hpp"
#include "foil/report/html/style.hpp"

namespace foil::report {

using html::PeopleFacts;

/// The page as the content of an HTML file: the figures against conditions, the table and all confusions.
/// Names from outside are text there. Throws foil::Error if there are no figures.
inline std::string people_page(const PeopleFacts& facts, const std::string& title = "Beside people") {
  require(!facts.figures.empty(), "report: expected figures of at least one condition");
  const bool told = !facts.command.empty() || !facts.settings.empty();
  html::Markup out(
      "<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n<title>",
      title, "</title>\n", html::style(), "</head>\n<body>\n<header><h1>", title, "</h1>\n<p class=\"what\">",
      facts.trials.all().size(), " trials of ", facts.trials.observers().size(), " observers about ",
      facts.trials.categories().size(), " categories under ", facts.conditions().size(),
      facts.conditions().size() == 1 ? " condition" : " conditions",
      "</p></header>\n<nav aria-label=\"Parts\"><a href=\"#figures\">Figures</a> <a "
      "href=\"#table\">Table</a> "
      "<a href=\"#confusions\">Confusions</a>",
      told ? html::Markup(" <a href=\"#settings\">Settings</a>") : html::Markup(),
      "</nav>\n<main>\n<section id=\"figures\"><h3>Figures</h3>\n");
  out(html::people_charts(facts), "</section>\n<section id=\"table\"><h3>Table</h3>\n",
      html::people_table(facts), html::list_of(facts.notes),
      "</section>\n<section id=\"confusions\"><h3>What is taken for what</h3>\n",
      "<p>Columns are the right categories, rows the responses, the last none at all; the darker, the larger "
      "the share of the column. Blue is right.</p>\n<div class=\"charts\">\n");
  for (const ObserverFigures& one : facts.figures) out(html::confusion_chart(facts, one));
  out("</div>\n</section>\n");
  if (told)
    out("<section id=\"settings\"><h3>Settings</h3>\n", html::command_part(facts.command),
        html::settings_table(facts.settings), "</section>\n");
  out("</main>\n<footer>Written by foil. Of people: means, accuracies from the lowest to "
      "the highest, pattern and kappa of one with another. Of others: exact intervals of accuracies (Clopper "
      "and Pearson), pattern and kappa with people. Intervals of kappa are bootstrapped over images, "
      "approximate.</footer>\n",
      html::script(), "</body></html>\n");
  return std::string(html::page_head) + out.str();
}

}  // namespace foil::report

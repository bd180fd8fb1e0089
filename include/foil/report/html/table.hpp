// SPDX-License-Identifier: MIT
/// \file
/// Tables of a page, which its readers sort.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "foil/report/html/markup.hpp"

namespace foil::report::html {

/// One cell: what is seen, and the number that it is sorted by; NaN: by what is seen, or as nothing in a
/// column of numbers.
struct Cell {
  Markup shown;
  double value = std::numeric_limits<double>::quiet_NaN();

  Cell(Markup markup) : shown(std::move(markup)) {}  // NOLINT: what is put into tables
  Cell(const std::string& text) : shown(text) {}     // NOLINT
  Cell(const std::string& text, double number) : shown(text), value(number) {}
};

/// One column.
struct Column {
  std::string name;
  bool number = true;  ///< or text, on the left
};

/// One row.
struct Row {
  std::vector<Cell> cells;
  bool strong = false;
};

/// A table with a line above that says of what, in a frame of its own that scrolls where it is too wide or
/// has very many rows. Its heads are buttons that sort it; a cell without a number stays at the end then.
inline Markup table(const std::string& caption, const std::vector<Column>& columns,
                    const std::vector<Row>& rows) {
  Markup out;
  constexpr std::size_t many = 60;
  out("<p class=\"caption\">", caption, "</p>\n<div class=\"scroll", rows.size() > many ? " long" : "",
      "\" role=\"region\" tabindex=\"0\" aria-label=\"", caption, "\"><table aria-label=\"", caption,
      "\"><thead><tr>");
  for (const Column& column : columns) {
    if (column.number)
      out("<th scope=\"col\" class=\"number\">");
    else
      out("<th scope=\"col\">");
    out("<button type=\"button\">", column.name, "</button></th>");
  }
  out("</tr></thead><tbody>\n");
  for (const Row& row : rows) {
    if (row.strong)
      out("<tr class=\"strong\">");
    else
      out("<tr>");
    for (std::size_t c = 0; c < row.cells.size(); ++c) {
      const Cell& cell = row.cells[c];
      if (c < columns.size() && columns[c].number)
        out("<td class=\"number\"");
      else
        out("<td");
      if (std::isinf(cell.value))
        out(" data-value=\"Infinity\"");
      else if (!std::isnan(cell.value))
        out(" data-value=\"", cell.value, "\"");
      out(">", cell.shown, "</td>");
    }
    out("</tr>\n");
  }
  out("</tbody></table></div>\n");
  return out;
}

}  // namespace foil::report::html

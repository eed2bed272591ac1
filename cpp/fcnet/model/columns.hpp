// SPDX-License-Identifier: MIT
// How the columns of x become what goes into the first layer: numbers by an embedding, categories by the rows of a
// table. A network without is one whose first layer takes x.
#pragma once

#include <vector>

#include "fcnet/base/layout.hpp"
#include "fcnet/base/options.hpp"
#include "fcnet/model/factors.hpp"

namespace fcnet {

// In the order in which they stand in x: numbers, others that enter as they are, codes of categories.
struct Columns {
  Size numbers = 0, others = 0;
  NumberEmbedding embedding = NumberEmbedding::none;
  Size frequencies = 0, size = 0;                     // of the embedding of a number
  bool relu = false, shared = false, sloped = false;  // see ColumnsView; whether there is a slope
  std::vector<double> edges{};                        // of the bins of all numbers, ascending for each
  std::vector<Size> first_bin{};                      // of each number, and the end
  std::vector<Size> categories{};                     // how many each column has: codes 1 and on; 0 is unknown
  Size table_size = 0;
  Factors of_embedding{}, of_tables{};

  bool operator==(const Columns&) const = default;

  bool any() const { return embedding != NumberEmbedding::none || !categories.empty(); }
  Size inputs() const { return numbers + others + categories.size(); }
  // Whether numbers enter as they are too.
  bool keeps_numbers() const { return embedding == NumberEmbedding::none || embedding == NumberEmbedding::periodic; }
  // What goes into the first layer.
  Size features() const {
    return numbers * size + (keeps_numbers() ? numbers : 0) + others + categories.size() * table_size;
  }
  // What a number becomes before V: its own where it has bins, see `bins`.
  Size waves() const { return embedding == NumberEmbedding::plr ? 2 * frequencies : frequencies; }
  Size bins() const { return first_bin.empty() ? 0 : first_bin.back(); }
  // Rows of V, and of v.
  Size weight_rows() const { return bins() + (shared ? 1 : numbers) * waves(); }
  Size bias_rows() const { return shared ? 1 : numbers; }
  Size table_rows() const {
    Size rows = 0;
    for (const Size count : categories) rows += count + 1;
    return rows;
  }
  // Parts that the sums over samples are formed in: frequencies or bins of numbers, then tables.
  Size sums() const { return bins() + (shared ? 1 : numbers) * frequencies + categories.size(); }
};

}  // namespace fcnet

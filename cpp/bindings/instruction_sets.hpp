// SPDX-License-Identifier: MIT
// The instruction sets by name, and who chose the one in use.
#pragma once

#include <string>
#include <vector>

#include "fcnet/isa/dispatch.hpp"

namespace fcnet::bindings {

inline const char* isa_source = "the best this CPU can run";

inline std::vector<std::string> available() {
  std::vector<std::string> names;
  for (auto i = available_isas(); *i != nullptr; ++i) names.emplace_back((*i)->name);
  return names;
}

inline std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace fcnet::bindings

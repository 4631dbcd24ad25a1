#include "ir/pass.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "base/env.h"
#include "ir/text.h"
#include "ir/verifier.h"

namespace quartet::ir {

namespace {

/// A pass that leaves broken IR behind is a bug of ours, whatever the input was.
tl::unexpected<Diagnostic> bugOf(const std::string& pass, Diagnostic found) {
  found.kind = Diagnostic::Kind::Internal;
  found.notes.push_back("after pass '" + pass + "'");
  return tl::unexpected(std::move(found));
}

Status checkReparse(const Module& module) {
  const std::string text = print(module);
  const ParseOptions options{.file = "<reparsed " + module.name + ">", .fillElided = true};
  const std::string again = print(QT_TRY(parse(text, options)));
  if (again == text) return {};
  const auto [a, b] = std::mismatch(text.begin(), text.end(), again.begin(), again.end());
  const auto excerpt = [](const std::string& from, ptrdiff_t at) {
    return from.substr(static_cast<size_t>(at), 60);
  };
  return userError("the text parses back to another text: '" + excerpt(text, a - text.begin()) +
                       "' becomes '" + excerpt(again, b - again.begin()) + "'",
                   options.file);
}

}  // namespace

Result<Module> PassRunner::run(const std::string& name, Module input,
                               const std::function<Result<Module>(Module)>& pass) {
  const std::vector<std::string> printed = QT_TRY(envList(EnvSwitch::Print));
  const bool reparse = QT_TRY(envFlag(EnvSwitch::Reparse));
  const auto start = std::chrono::steady_clock::now();
  Module output = QT_TRY(pass(std::move(input)));
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
  times_.push_back({name, taken.count()});
  const bool shown = std::any_of(printed.begin(), printed.end(), [&](const std::string& wanted) {
    return wanted == "all" || wanted == name;
  });
  if (shown) {
    const std::string text = "// after " + name + "\n" + print(output);
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
  if (auto status = verify(output); !status) return bugOf(name, std::move(status).error());
  if (!reparse) return output;
  if (auto status = checkReparse(output); !status) return bugOf(name, std::move(status).error());
  return output;
}

}  // namespace quartet::ir

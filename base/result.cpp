#include "base/result.h"

namespace quartet {

namespace {

tl::unexpected<Diagnostic> make(Diagnostic::Kind kind, std::string message, std::string where,
                                std::string hint) {
  return tl::unexpected(
      Diagnostic{kind, std::move(message), std::move(where), {}, std::move(hint)});
}

const char* prefix(Diagnostic::Kind kind) {
  switch (kind) {
    case Diagnostic::Kind::User:
      return "error: ";
    case Diagnostic::Kind::Unsupported:
      return "error: unsupported: ";
    case Diagnostic::Kind::Resource:
      return "error: resources: ";
    case Diagnostic::Kind::Internal:
      return "error: this is a bug in quartet: ";
  }
  return "error: ";
}

}  // namespace

std::string Diagnostic::str() const {
  std::string text = prefix(kind);
  if (!where.empty()) text += where + ": ";
  text += message;
  for (const std::string& note : notes) text += "\n  note: " + note;
  if (!hint.empty()) text += "\n  hint: " + hint;
  return text;
}

tl::unexpected<Diagnostic> userError(std::string message, std::string where, std::string hint) {
  return make(Diagnostic::Kind::User, std::move(message), std::move(where), std::move(hint));
}

tl::unexpected<Diagnostic> unsupported(std::string message, std::string where, std::string hint) {
  return make(Diagnostic::Kind::Unsupported, std::move(message), std::move(where), std::move(hint));
}

tl::unexpected<Diagnostic> resourceError(std::string message, std::string where, std::string hint) {
  return make(Diagnostic::Kind::Resource, std::move(message), std::move(where), std::move(hint));
}

void throwInternalError(const char* condition, const std::string& message,
                        std::source_location at) {
  throw InternalError(std::string(at.file_name()) + ":" + std::to_string(at.line()) + ": " +
                      message + " (" + condition + ")");
}

}  // namespace quartet

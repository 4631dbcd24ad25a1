// Errors as values. Every function that can fail because of what a user gave (a model, a flag, a
// device) returns Result<T>; what can only fail through a bug of ours calls QT_ASSERT, which throws
// InternalError. The public API turns both into messages, on separate paths, and never aborts.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace quartet {

/// What went wrong, in the parts that a reader needs.
/// `message`: lower case, one sentence: what was found against what was required.
/// `where`: node, operator and version, or file and line ("node 'conv1' (Conv, opset 11)").
/// `notes`: further facts, one per line (all unsupported operators of a model, say).
/// `hint`: what to do about it.
struct Diagnostic {
  enum class Kind {
    User,         // the model, a file, a flag or an input is wrong
    Unsupported,  // legal, but Quartet or the device cannot do it
    Resource,     // memory, a device lost, a time-out
    Internal,     // a bug in Quartet
  };
  Kind kind = Kind::User;
  std::string message;
  std::string where;
  std::vector<std::string> notes;
  std::string hint;

  /// The whole diagnostic as the command line prints it, without a trailing newline.
  std::string str() const;
};

template <class T>
using Result = tl::expected<T, Diagnostic>;
using Status = Result<void>;

/// A user error: `return userError("...", "node 'x'", "do this")`.
tl::unexpected<Diagnostic> userError(std::string message, std::string where = {},
                                     std::string hint = {});
tl::unexpected<Diagnostic> unsupported(std::string message, std::string where = {},
                                       std::string hint = {});
tl::unexpected<Diagnostic> resourceError(std::string message, std::string where = {},
                                         std::string hint = {});

/// Thrown by QT_ASSERT: an invariant of Quartet's own does not hold.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void throwInternalError(const char* condition, const std::string& message,
                                     std::source_location at = std::source_location::current());

}  // namespace quartet

/// Value, or return the error: `auto x = QT_TRY(f());` Nothing beside it: g++ would leak that.
#define QT_TRY(...)                                                      \
  ({                                                                     \
    auto qtResult_ = (__VA_ARGS__);                                      \
    if (!qtResult_) return tl::unexpected(std::move(qtResult_).error()); \
    *std::move(qtResult_);                                               \
  })

/// The same for a Status.
#define QT_CHECK(...)                                                    \
  do {                                                                   \
    auto qtStatus_ = (__VA_ARGS__);                                      \
    if (!qtStatus_) return tl::unexpected(std::move(qtStatus_).error()); \
  } while (false)

/// An invariant of our own: `QT_ASSERT(rank == 4, "conv input has rank " + std::to_string(rank))`.
#define QT_ASSERT(condition, message) \
  ((condition) ? (void)0 : ::quartet::throwInternalError(#condition, message))

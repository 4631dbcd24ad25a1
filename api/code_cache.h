// Where compiled code is kept, as the environment and the caller want it.
#pragma once

#include <memory>
#include <string>

#include "api/tuning_store.h"
#include "base/result.h"
#include "runtime/code_cache.h"

namespace quartet::api {

struct CodeCache {
  std::shared_ptr<runtime::CodeCache> disk;  // null: nothing is kept
  std::string problem;                       // why it could not be opened, if that was wanted

  /// One line for the user when code could not be kept, by now; else empty.
  std::string note() const;
};

/// The cache in $QUARTET_CACHE, else in $XDG_CACHE_HOME/quartet or $HOME/.cache/quartet; none when
/// the variable is "off" or when it is not `wanted`. A folder that does not serve is no error: what
/// cannot be kept is compiled again. A value that makes no sense is one.
Result<CodeCache> openCodeCache(bool wanted);

/// Where measured times are kept: in $QUARTET_TUNING, else in the folder of compiled code; only in
/// memory where that is "off", or where nothing names a folder. One that does not serve is an error
/// where QUARTET_TUNING names it, else the store's problem.
Result<std::shared_ptr<TuningStore>> openTuningStore();

}  // namespace quartet::api

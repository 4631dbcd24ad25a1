// What several executables of a device have in common, kept as long as one of them lives.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace quartet::runtime {

/// Immutable parts by a key that says all that they depend on: equal keys, equal parts.
/// Thread-safe.
template <class T>
class SharedPool {
 public:
  /// The part of this key; null when there is none, or nobody holds it any more.
  std::shared_ptr<T> find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = parts_.find(key);
    return found == parts_.end() ? nullptr : found->second.lock();
  }

  /// Offers a part to later executables; forgets those that are gone.
  void add(const std::string& key, const std::shared_ptr<T>& part) {
    const std::lock_guard lock(mutex_);
    std::erase_if(parts_, [](const auto& entry) { return entry.second.expired(); });
    parts_[key] = part;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<T>> parts_;
};

}  // namespace quartet::runtime

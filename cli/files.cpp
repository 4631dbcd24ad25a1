#include "cli/files.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "api/convert.h"
#include "base/regular_file.h"

namespace quartet::cli {
namespace {

namespace fs = std::filesystem;

Error fileError(const std::string& what, const fs::path& path, const std::string& why) {
  return {Error::Kind::User, what + ": " + why, "file '" + path.string() + "'", {}, {}};
}

/// Removes the files that are still listed at the end.
class Temporaries {
 public:
  ~Temporaries() {
    for (const fs::path& path : paths_) {
      std::error_code ignored;
      fs::remove(path, ignored);
    }
  }
  void add(fs::path path) { paths_.push_back(std::move(path)); }
  void keep() { paths_.clear(); }

 private:
  std::vector<fs::path> paths_;
};

// Written by the handler, which knows no object.
volatile std::sig_atomic_t pendingSignal = 0;

/// While it lives, signals to stop are only noted; at its end they take effect. A file that grows
/// beyond what the process may write is an error of the write, not the end of the process.
class SignalsHeld {
 public:
  SignalsHeld() {
    pendingSignal = 0;
    struct sigaction note {};
    note.sa_handler = [](int signal) { pendingSignal = signal; };
    sigemptyset(&note.sa_mask);
    for (size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaction(kSignals[i], nullptr, &before_[i]);
      // What the caller ignores (nohup) stays ignored.
      if (before_[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &note, nullptr);
    }
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGXFSZ, &ignore, &fileSizeBefore_);
  }
  ~SignalsHeld() {
    for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
    ::sigaction(SIGXFSZ, &fileSizeBefore_, nullptr);
    if (pendingSignal != 0) ::raise(pendingSignal);
  }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
  bool stop() const { return pendingSignal != 0; }

 private:
  static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, kSignals.size()> before_{};
  struct sigaction fileSizeBefore_ {};
};

}  // namespace

Expected<std::string> readFile(const std::string& path) {
  const Result<RegularFile> file = RegularFile::open(path);
  if (!file) return api::toError(file.error());
  std::string bytes(static_cast<size_t>(file->size()), '\0');
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::read(file->descriptor(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fileError("cannot read", path, std::strerror(errno));
    if (got == 0) return fileError("cannot read", path, "it became shorter meanwhile");
    filled += static_cast<size_t>(got);
  }
  return bytes;
}

std::optional<Error> writeFiles(const std::string& folder,
                                const std::map<std::string, FileParts>& files) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fileError("cannot make the folder", folder, error.message());
  const SignalsHeld held;  // outlives the temporaries
  Temporaries temporaries;
  std::vector<std::pair<fs::path, fs::path>> renames;
  for (const auto& [name, parts] : files) {
    const fs::path target = fs::path(folder) / name;
    fs::path temporary = target;
    temporary += "." + std::to_string(getpid()) + ".tmp";
    temporaries.add(temporary);
    errno = 0;
    std::ofstream out(temporary, std::ios::binary);
    out << parts.header;
    out.write(reinterpret_cast<const char*>(parts.bytes.data()),
              static_cast<std::streamsize>(parts.bytes.size()));
    out.close();
    if (!out) return fileError("cannot write", target, std::strerror(errno));
    if (held.stop()) return fileError("cannot write", target, "the program is told to stop");
    renames.emplace_back(temporary, target);
  }
  // What a rename cannot replace is found before the first one.
  for (const auto& [from, to] : renames) {
    if (fs::is_directory(to, error)) return fileError("cannot write", to, "it is a folder");
  }
  for (const auto& [from, to] : renames) {
    fs::rename(from, to, error);
    if (error) return fileError("cannot write", to, error.message());
  }
  temporaries.keep();
  return std::nullopt;
}

std::string fileName(const std::string& tensor) {
  std::string name = tensor.empty() ? "_" : tensor;
  for (char& c : name) {
    if (c == '/' || c == '\\' || static_cast<unsigned char>(c) < 32) c = '_';
  }
  if (name.front() == '.') name.front() = '_';
  return name;
}

}  // namespace quartet::cli

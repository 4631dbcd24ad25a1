#include "tests/conformance/workers.h"

#include <poll.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill() is not in <csignal>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <new>
#include <optional>

#include "base/result.h"

// Of AddressSanitizer, in a build that has it: not 0 when memory has leaked, which it reports.
extern "C" __attribute__((weak)) int __lsan_do_recoverable_leak_check();

namespace quartet::tests {
namespace {

using Clock = std::chrono::steady_clock;

// The next job, in memory that all processes share.
class SharedCounter {
 public:
  SharedCounter() {
    void* memory = mmap(nullptr, sizeof(std::atomic<size_t>), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    QT_ASSERT(memory != MAP_FAILED, "no shared memory");
    next_ = new (memory) std::atomic<size_t>(0);
  }
  ~SharedCounter() { munmap(next_, sizeof(std::atomic<size_t>)); }
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;
  size_t take() { return (*next_)++; }
  bool exhausted(size_t count) const { return *next_ >= count; }

 private:
  std::atomic<size_t>* next_;
};

// A child, as its parent sees it. It writes "start 7" and "done 7 text", one per line.
struct Worker {
  pid_t process = -1;
  int pipe = -1;
  std::string received;
  std::optional<size_t> running;
  Clock::time_point since;
};

void writeLine(int pipe, std::string line) {
  for (size_t at = 0; (at = line.find('\n', at)) != std::string::npos;) line.replace(at, 1, "; ");
  line += '\n';
  for (size_t sent = 0; sent < line.size();) {
    const ssize_t some = write(pipe, line.data() + sent, line.size() - sent);
    if (some <= 0) _exit(1);
    sent += static_cast<size_t>(some);
  }
}

[[noreturn]] void serve(int pipe, size_t count, SharedCounter& next,
                        const std::function<std::string(size_t)>& job) {
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGTERM}) ::signal(signal, SIG_DFL);
  std::optional<size_t> last;
  for (size_t i = next.take(); i < count; i = next.take()) {
    writeLine(pipe, "start " + std::to_string(i));
    writeLine(pipe, "done " + std::to_string(i) + " " + job(i));
    last = i;
  }
  // _exit() below passes by the check that a program ends with.
  const bool checks = &__lsan_do_recoverable_leak_check != nullptr;
  if (last && checks && __lsan_do_recoverable_leak_check() != 0) {
    writeLine(pipe, "done " + std::to_string(*last) +
                        " crashed: memory leaked in this job or an earlier one of its process");
  }
  std::cout.flush();
  _exit(0);  // the test program's own exit handlers belong to the parent
}

Worker startWorker(size_t count, SharedCounter& next,
                   const std::function<std::string(size_t)>& job) {
  int ends[2];
  QT_ASSERT(pipe(ends) == 0, "no pipe");
  std::cout.flush();
  const pid_t process = fork();
  QT_ASSERT(process >= 0, "no process");
  if (process == 0) {
    close(ends[0]);
    serve(ends[1], count, next, job);
  }
  close(ends[1]);
  Worker worker;
  worker.process = process;
  worker.pipe = ends[0];
  return worker;
}

void takeLine(Worker& worker, const std::string& line, std::vector<std::string>& results) {
  const size_t space = line.find(' ');
  const size_t after = line.find(' ', space + 1);
  const size_t index = std::strtoull(line.c_str() + space, nullptr, 10);
  if (line.starts_with("start")) {
    worker.running = index;
    worker.since = Clock::now();
  } else {
    worker.running.reset();
    results[index] = after == std::string::npos ? "" : line.substr(after + 1);
  }
}

// Reads what there is; false at the end of the process.
bool receive(Worker& worker, std::vector<std::string>& results) {
  char buffer[4096];
  const ssize_t some = read(worker.pipe, buffer, sizeof buffer);
  if (some <= 0) return false;
  worker.received.append(buffer, static_cast<size_t>(some));
  for (size_t end; (end = worker.received.find('\n')) != std::string::npos;) {
    takeLine(worker, worker.received.substr(0, end), results);
    worker.received.erase(0, end + 1);
  }
  return true;
}

// The child has gone: what it was running has failed.
void bury(Worker& worker, std::vector<std::string>& results, const std::string& reason) {
  close(worker.pipe);
  int status = 0;
  waitpid(worker.process, &status, 0);
  if (!worker.running) return;
  std::string& result = results[*worker.running];
  if (!reason.empty()) {
    result = reason;
  } else if (WIFSIGNALED(status)) {
    result = std::string("crashed: ") + strsignal(WTERMSIG(status));
  } else {
    result = "crashed: exit status " + std::to_string(WEXITSTATUS(status));
  }
}

}  // namespace

std::vector<std::string> runInWorkers(size_t count, int workers, int seconds,
                                      const std::function<std::string(size_t)>& job) {
  std::vector<std::string> results(count, "never ran");
  SharedCounter next;
  std::vector<Worker> alive;
  for (int i = 0; i < workers; ++i) alive.push_back(startWorker(count, next, job));
  while (!alive.empty()) {
    std::vector<pollfd> files;
    for (const Worker& worker : alive) files.push_back({worker.pipe, POLLIN, 0});
    poll(files.data(), files.size(), 1000);
    std::vector<Worker> still;
    for (size_t i = 0; i < alive.size(); ++i) {
      Worker& worker = alive[i];
      const bool ended = files[i].revents != 0 && !receive(worker, results);
      const bool late =
          worker.running && Clock::now() - worker.since > std::chrono::seconds(seconds);
      if (!ended && !late) {
        still.push_back(std::move(worker));
        continue;
      }
      if (late) kill(worker.process, SIGKILL);
      bury(worker, results, late ? "timed out after " + std::to_string(seconds) + " s" : "");
      if (!next.exhausted(count)) still.push_back(startWorker(count, next, job));
    }
    alive = std::move(still);
  }
  return results;
}

}  // namespace quartet::tests

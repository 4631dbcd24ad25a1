// Runs jobs in child processes: a job that crashes or hangs fails alone.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace quartet::tests {

/// Runs job(0) .. job(count - 1), in `workers` child processes made by fork, each job in the one
/// that is free first. The results are what the jobs return, newlines replaced by "; "; a job whose
/// process dies or takes longer than `seconds` gives "crashed: ..." or "timed out ...", and the
/// next ones run in a new process. Under AddressSanitizer a process that leaks memory makes its
/// last job crash. The caller must not have started threads that still run.
std::vector<std::string> runInWorkers(size_t count, int workers, int seconds,
                                      const std::function<std::string(size_t)>& job);

}  // namespace quartet::tests

// What it costs to start work: compiling, submissions, launches, tasks.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "characterize/bench.h"

namespace quartet::characterize {

namespace {

constexpr int kLaunches = 64;
constexpr int64_t kTasks = 4096;

/// Launches that do nothing to speak of.
struct Tiny {
  std::unique_ptr<api::LoadedSuite> suite;
  size_t none = 0, one = 0, dependent = 0, independent = 0, many = 0;
};

Result<Tiny> loadTiny(const Bench& bench) {
  const int64_t align = std::max<int64_t>(64, bench.device().bindingAlignBytes.value);
  SuiteBuilder builder("tiny launches");
  const int out = builder.buffer("out", std::max(kLaunches * align, kTasks * 4));
  const int kernel = builder.kernel(tinyKernel(bench.shape().invocations, kTasks));
  const auto launch = [&](int64_t groups, int64_t offset) {
    return api::KernelLaunch{kernel, groups, {}, {{out, offset, groups * 4}}};
  };
  Tiny tiny;
  tiny.none = builder.sequence(api::KernelSequence{});
  tiny.one = builder.sequence(launch(1, 0));
  api::KernelSequence dependent;
  api::KernelSequence independent;
  for (int i = 0; i < kLaunches; ++i) {
    dependent.push_back(launch(1, 0));
    independent.push_back(launch(1, i * align));
  }
  tiny.dependent = builder.sequence(std::move(dependent));
  tiny.independent = builder.sequence(std::move(independent));
  tiny.many = builder.sequence(launch(kTasks, 0));
  tiny.suite = QT_TRY(bench.runner.load(builder.suite()));
  return tiny;
}

Status probeGpu(const Bench& bench) {
  const Tiny tiny = QT_TRY(loadTiny(bench));
  Findings& findings = bench.findings;
  const Reading none = QT_TRY(bench.onHost(*tiny.suite, tiny.none));
  const Reading one = QT_TRY(bench.onHost(*tiny.suite, tiny.one));
  const Reading dependent = QT_TRY(bench.onHost(*tiny.suite, tiny.dependent));
  const Reading independent = QT_TRY(bench.onHost(*tiny.suite, tiny.independent));
  const Reading many = QT_TRY(bench.onHost(*tiny.suite, tiny.many));
  const Reading after = differenceOf(dependent, one, kLaunches - 1);
  const Reading beside = differenceOf(independent, one, kLaunches - 1);
  const Reading task = differenceOf(many, one, kTasks - 1);
  bench.add({"launches", "empty submission", "us", none, "submitted and waited for"});
  bench.add({"launches", "one launch", "us", one, "submitted and waited for"});
  bench.add({"launches", "further launch, dependent", "us", after,
             fmt::format("{} launches with barriers in one submission", kLaunches)});
  bench.add({"launches", "further launch, independent", "us", beside,
             fmt::format("{} launches without barriers in one submission", kLaunches)});
  const Reading barrier = differenceOf(after, beside, 1);
  bench.add({"launches", "barrier between launches", "us", barrier, "dependent less independent"});
  findings.describe(findings.measured.launchBarrierMicroseconds, barrier,
                    "dependent less independent launches in one submission");
  bench.add({"launches", "further task", "us", task, fmt::format("a launch of {} groups", kTasks)});
  findings.describe(findings.measured.submitMicroseconds, none, "an empty submission, waited for");
  findings.describe(findings.measured.launchMicroseconds, after,
                    fmt::format("{} dependent launches in one submission", kLaunches));
  findings.describe(findings.measured.taskMicroseconds, task,
                    fmt::format("a launch of {} groups", kTasks));
  return {};
}

/// The same work as one task and as one task for each thread.
struct Split {
  std::unique_ptr<api::LoadedSuite> suite;
  std::vector<uint32_t> counts;  // of links, as one task
  std::vector<size_t> one, all;
};

Result<Split> loadSplit(const Bench& bench) {
  const KernelShape shape = bench.shape();
  const int64_t threads = bench.units();
  SuiteBuilder builder("split work");
  const int64_t elements = threads * shape.groupElements();
  const int kernel = builder.kernel(multiplyAddKernel("f32", shape, 1, elements));
  const int out = builder.buffer("out", elements * 4);
  Split split;
  const auto add = [&](int64_t groups, uint32_t count) {
    return builder.sequence({kernel, groups, {count, 0}, {builder.whole(out)}});
  };
  for (uint32_t each = 2; each <= 8192; each *= 2) {
    split.counts.push_back(each * static_cast<uint32_t>(threads));
    split.one.push_back(add(1, split.counts.back()));
    split.all.push_back(add(threads, each));
  }
  split.suite = QT_TRY(bench.runner.load(builder.suite()));
  return split;
}

/// Where two curves over the same x cross: interpolated on logarithms; the first x where the second
/// is below from the start, nothing where it never is.
std::optional<double> crossing(const Series& first, const Series& second) {
  for (size_t i = 0; i < first.points.size(); ++i) {
    const auto ratio = [&](size_t k) {
      return std::log(second.points[k].y.value / first.points[k].y.value);
    };
    if (ratio(i) > 0) continue;
    if (i == 0) return first.points[0].x;
    const double part = ratio(i - 1) / (ratio(i - 1) - ratio(i));
    const double from = std::log(first.points[i - 1].x);
    return std::exp(from + part * (std::log(first.points[i].x) - from));
  }
  return std::nullopt;
}

Status probeSplit(const Bench& bench) {
  const Split split = QT_TRY(loadSplit(bench));
  Series one{"one thread", {}};
  Series all{fmt::format("{} threads", bench.units()), {}};
  Reading overhead;
  for (size_t i = 0; i < split.counts.size(); ++i) {
    const Reading alone = QT_TRY(bench.onHost(*split.suite, split.one[i]));
    const Reading together = QT_TRY(bench.onHost(*split.suite, split.all[i]));
    one.points.push_back({alone.value, alone});
    all.points.push_back({alone.value, together});
    // What handing out tasks of a few microseconds takes beyond their own time.
    const double part = alone.value / static_cast<double>(bench.units());
    if (part < 3 || overhead.runs > 0) continue;
    overhead = differenceOf(together, scaled(alone, 1.0 / static_cast<double>(bench.units())), 1);
  }
  Findings& findings = bench.findings;
  const std::string method =
      fmt::format("{} tasks of a few microseconds, beyond one of them", bench.units());
  bench.add({"launches", "launch on all threads", "us", overhead, method});
  findings.describe(findings.measured.launchMicroseconds, overhead, method);
  if (const auto even = crossing(one, all)) {
    const Reading reading{*even, *even, *even, overhead.runs, overhead.noisy};
    bench.add({"launches", "break-even of all threads", "us", reading,
               "the time of one thread from which all threads are sooner done"});
    findings.describe(findings.measured.parallelMicroseconds, reading,
                      "from here on all threads are sooner done than one");
  } else {
    bench.note("all threads together were never faster than one; the machine is busy");
  }
  findings.plots.push_back({.title = "The same work on one thread and on all",
                            .xLabel = "us on one thread",
                            .yLabel = "us",
                            .series = {std::move(one), std::move(all)},
                            .note = "Where the curves cross, it pays to wake the others."});
  return {};
}

Status probeCpu(const Bench& bench) {
  const Tiny tiny = QT_TRY(loadTiny(bench));
  Findings& findings = bench.findings;
  const Reading none = QT_TRY(bench.onHost(*tiny.suite, tiny.none));
  const Reading one = QT_TRY(bench.onHost(*tiny.suite, tiny.one));
  const Reading dependent = QT_TRY(bench.onHost(*tiny.suite, tiny.dependent));
  const Reading many = QT_TRY(bench.onHost(*tiny.suite, tiny.many));
  bench.add({"launches", "empty program", "us", none, "one call"});
  bench.add({"launches", "further launch on one thread", "us",
             differenceOf(dependent, one, kLaunches - 1),
             fmt::format("{} launches of one task", kLaunches)});
  bench.add({"launches", "further task", "us", differenceOf(many, one, kTasks - 1),
             fmt::format("a launch of {} tasks on all threads", kTasks)});
  findings.describe(findings.measured.submitMicroseconds, none, "a program without launches");
  return bench.units() > 1 ? probeSplit(bench) : Status{};
}

Status probeCompile(const Bench& bench) {
  SuiteBuilder builder("compile");
  // No other probe has a kernel of this many chains.
  const KernelShape shape = bench.shape();
  const int64_t elements = shape.groupElements();
  const int kernel = builder.kernel(multiplyAddKernel("f32", shape, 7, elements));
  const int out = builder.buffer("out", elements * 4);
  const size_t run = builder.sequence({kernel, 1, {1, 0}, {builder.whole(out)}});
  const auto suite = QT_TRY(bench.runner.load(builder.suite()));
  const double first = QT_TRY(suite->runOnHost(run));
  const double second = QT_TRY(suite->runOnHost(run));
  const auto once = [](double microseconds) { return summarise({microseconds}); };
  bench.add({"launches", "compile a kernel", "us", once(suite->compileMicroseconds()),
             "from text to what is submitted, no cache, one kernel of multiply-adds"});
  bench.add({"launches", "first run beyond later ones", "us", once(std::max(0.0, first - second)),
             "what the driver leaves to the first submission"});
  return {};
}

}  // namespace

Status probeLaunches(Bench& bench) {
  bench.step("launches");
  QT_CHECK(probeCompile(bench));
  return bench.cpu() ? probeCpu(bench) : probeGpu(bench);
}

}  // namespace quartet::characterize

#include "api/open_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "api/convert.h"
#include "ir/close.h"
#include "sched/symbols.h"

namespace quartet::api {

namespace {

/// Moves the first element that `matches` to the front.
template <class T, class F>
bool moveToFront(std::list<T>& list, F matches) {
  const auto found = std::find_if(list.begin(), list.end(), matches);
  if (found == list.end()) return false;
  list.splice(list.begin(), list, found);
  return true;
}

/// "L = 16, N = 2", "nothing".
std::string symbolsText(const ir::SymbolValues& symbols) {
  std::string text;
  for (const auto& [symbol, value] : symbols) {
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", symbol, value);
  }
  return text.empty() ? "nothing" : text;
}

template <class T>
void keepFirst(std::list<T>& list, int count) {
  while (list.size() > static_cast<size_t>(count)) list.pop_back();
}

}  // namespace

Result<std::shared_ptr<OpenSession>> OpenSession::create(
    const std::shared_ptr<const Model::Data>& model, const CompileOptions& options) {
  if (options.specialisations < 1) {
    return userError(
        "found " + std::to_string(options.specialisations) + " specialisations, required 1 or more",
        "specialisations");
  }
  auto devices = QT_TRY(DevicePool::create(options));
  std::shared_ptr<OpenSession> session(new OpenSession(model, options, std::move(devices)));
  if (model->deferred) {
    for (const std::string& symbol : model->openSymbols()) session->fixed_.insert(symbol);
    for (const std::string& symbol : model->batchSymbols()) session->fixed_.erase(symbol);
  }
  return session;
}

OpenSession::Parts OpenSession::split(const ir::SymbolValues& symbols) const {
  Parts parts;
  for (const auto& [symbol, value] : symbols) {
    (fixed_.contains(symbol) ? parts.first : parts.second).emplace(symbol, value);
  }
  return parts;
}

std::shared_ptr<const Session::Data> OpenSession::find(const Parts& parts) {
  if (!moveToFront(entries_, [&](const Entry& entry) { return entry.compiledIn == parts.first; })) {
    return nullptr;
  }
  auto& sessions = entries_.front().sessions;
  const bool found =
      moveToFront(sessions, [&](const auto& session) { return session.first == parts.second; });
  return found ? sessions.front().second : nullptr;
}

std::shared_ptr<const Session::Data> OpenSession::find(const ir::SymbolValues& symbols) {
  const std::lock_guard lock(mutex_);
  if (auto found = find(split(symbols))) return found;
  return find(Parts(symbols, {}));
}

Result<std::shared_ptr<const Session::Data>> OpenSession::at(const Model::Shapes& shapes) {
  const ir::SymbolValues symbols = QT_TRY(symbolsOf(*model_, shapes));
  if (auto found = find(symbols)) return found;
  const std::lock_guard compiling(compiling_);
  const auto start = std::chrono::steady_clock::now();
  if (auto found = find(symbols)) return found;  // compiled meanwhile
  const bool alone = !model_->deferred && !ir::close(model_->graph, symbols).has_value();
  auto specialisation = QT_TRY(alone ? specialiseAlone(symbols) : specialise(symbols));
  Parts parts = alone ? Parts(symbols, {}) : split(symbols);
  auto compiled = specialisation->compile(parts.second);
  if (!compiled && compiled.error().kind == Diagnostic::Kind::Unsupported &&
      !parts.second.empty()) {
    // A limit of the device that a schedule for these shapes may keep to.
    specialisation = QT_TRY(specialiseAlone(symbols));
    parts = Parts(symbols, {});
    compiled = specialisation->compile(parts.second);
  }
  auto session = QT_TRY(std::move(compiled));
  session->statistics.compileMs =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  const std::lock_guard lock(mutex_);
  // Runs of other shapes may have put theirs in front meanwhile; none can have gone.
  const bool there =
      moveToFront(entries_, [&](const Entry& entry) { return entry.compiledIn == parts.first; });
  QT_ASSERT(there, "a specialisation went while it was compiled");
  auto& sessions = entries_.front().sessions;
  sessions.emplace_front(parts.second, session);
  keepFirst(sessions, options_.specialisations);
  return std::shared_ptr<const Session::Data>(std::move(session));
}

/// The specialisation for these values, moved to the front; null when it is not there.
std::shared_ptr<Specialisation> OpenSession::findSpecialisation(
    const ir::SymbolValues& compiledIn) {
  const std::lock_guard lock(mutex_);
  const bool found =
      moveToFront(entries_, [&](const Entry& entry) { return entry.compiledIn == compiledIn; });
  return found ? entries_.front().specialisation : nullptr;
}

/// A specialisation for these values and no others, in front of `entries_`.
Result<std::shared_ptr<Specialisation>> OpenSession::specialiseAlone(
    const ir::SymbolValues& symbols) {
  if (auto found = findSpecialisation(symbols)) return found;
  auto made = QT_TRY(trySpecialise(symbols));
  const std::lock_guard lock(mutex_);
  entries_.push_front({symbols, made, {}});
  keepFirst(entries_, options_.specialisations);
  return made;
}

/// The specialisation for these values, in front of `entries_`. Symbols that turn out to need
/// compiling in join `fixed_`, until the schedule holds for all values of the others.
Result<std::shared_ptr<Specialisation>> OpenSession::specialise(const ir::SymbolValues& symbols) {
  for (;;) {
    if (auto found = findSpecialisation(split(symbols).first)) return found;
    auto tried = trySpecialise(split(symbols).first);
    if (!tried && fixed_.size() < symbols.size()) {
      QT_CHECK(fixMore(symbols));
      continue;
    }
    auto made = QT_TRY(std::move(tried));
    const std::set<std::string> bound = sched::loopSymbols(made->scheduled().schedule.plan);
    const std::lock_guard lock(mutex_);
    if (bound.empty()) {
      entries_.push_front({split(symbols).first, made, {}});
      keepFirst(entries_, options_.specialisations);
      return made;
    }
    fixed_.insert(bound.begin(), bound.end());
    entries_.clear();  // they were made for fewer symbols
  }
}

/// Some operator or the device must know more symbols: finds one that is enough, else takes all.
/// When it fails even so, it is the inputs' fault, and nothing changes.
Status OpenSession::fixMore(const ir::SymbolValues& symbols) {
  const auto [compiledIn, parameters] = split(symbols);
  ir::SymbolValues enough = symbols;
  for (const auto& [symbol, value] : parameters) {
    ir::SymbolValues more = compiledIn;
    more.emplace(symbol, value);
    if (!trySpecialise(more)) continue;
    enough = std::move(more);
    break;
  }
  if (enough == symbols) QT_CHECK(trySpecialise(symbols));
  const std::lock_guard lock(mutex_);
  for (const auto& [symbol, value] : enough) fixed_.insert(symbol);
  entries_.clear();  // they were made for fewer symbols
  return {};
}

Result<std::shared_ptr<Specialisation>> OpenSession::trySpecialise(
    const ir::SymbolValues& compiledIn) const {
  Model::Shapes shapes;
  for (size_t i = 0; i < model_->inputs.size(); ++i) {
    ir::Dims substituted;
    for (const ir::Dim& dim : model_->inputDims[i]) {
      substituted.push_back(dim.substitute(compiledIn));
    }
    shapes[model_->inputs[i].name] = openShape(substituted);
  }
  const bool asItIs = compiledIn.empty() && !model_->deferred;
  const auto model = asItIs ? model_ : QT_TRY(withShapes(*model_, shapes));
  return Specialisation::create(model, options_, devices_);
}

std::string OpenSession::explain() const {
  const std::lock_guard lock(mutex_);
  std::string text = fmt::format("model {}, open extents\n\n{} of at most {} specialisations\n",
                                 model_->name, entries_.size(), options_.specialisations);
  for (const Entry& entry : entries_) {
    text +=
        fmt::format("  {} compiled in, {} of at most {} sets of shapes\n",
                    symbolsText(entry.compiledIn), entry.sessions.size(), options_.specialisations);
  }
  for (const Entry& entry : entries_) {
    for (const auto& [parameters, session] : entry.sessions) {
      text += fmt::format("\n---- compiled in: {}; launch parameters: {}\n",
                          symbolsText(entry.compiledIn), symbolsText(parameters)) +
              explanationOf(*session);
    }
  }
  return text;
}

std::string OpenSession::code() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const Entry& entry : entries_) {
    if (!entry.sessions.empty()) text += codeOf(*entry.sessions.front().second);
  }
  return text;
}

std::vector<SpecialisationInfo> OpenSession::specialisations() const {
  const std::lock_guard lock(mutex_);
  std::vector<SpecialisationInfo> infos;
  for (const Entry& entry : entries_) {
    SpecialisationInfo info;
    info.compiledIn = {entry.compiledIn.begin(), entry.compiledIn.end()};
    for (const auto& [parameters, session] : entry.sessions) {
      info.shapes.emplace_back(parameters.begin(), parameters.end());
      info.kernels = session->statistics.kernels;
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

}  // namespace quartet::api

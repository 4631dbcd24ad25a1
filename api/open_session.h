// Sessions of a model with open extents: compiled as runs ask for them, a bounded number kept.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "api/compiler.h"

namespace quartet::api {

/// Symbols of the model's open extents are of two kinds. Those along vector lanes or inside
/// reductions of the schedule are compiled in: their values select a specialisation. The others are
/// launch parameters: their values only change buffer sizes and grids, and the code is shared.
/// Which are which is found at the first compilation; all are compiled in where the model's
/// operators must know them, and for values at which the model's graph is another than over symbols
/// (a slice that ends behind its table, an extent that becomes zero or negative). Thread-safe; one
/// compilation at a time, during which what is there already runs.
class OpenSession {
 public:
  static Result<std::shared_ptr<OpenSession>> create(
      const std::shared_ptr<const Model::Data>& model, const CompileOptions& options);

  /// The session for inputs of these shapes.
  Result<std::shared_ptr<const Session::Data>> at(const Model::Shapes& shapes);
  std::vector<SpecialisationInfo> specialisations() const;
  /// The specialisations, then what each of their sessions explains.
  std::string explain() const;
  /// The code of each specialisation.
  std::string code() const;

 private:
  /// The sessions of one specialisation, the one used last in front.
  struct Entry {
    ir::SymbolValues compiledIn;
    std::shared_ptr<Specialisation> specialisation;
    std::list<std::pair<ir::SymbolValues, std::shared_ptr<const Session::Data>>> sessions;
  };

  OpenSession(std::shared_ptr<const Model::Data> model, CompileOptions options,
              std::shared_ptr<DevicePool> devices)
      : model_(std::move(model)), options_(std::move(options)), devices_(std::move(devices)) {}

  /// Symbols that are compiled in, and launch parameters.
  using Parts = std::pair<ir::SymbolValues, ir::SymbolValues>;

  std::shared_ptr<const Session::Data> find(const ir::SymbolValues& symbols);
  std::shared_ptr<const Session::Data> find(const Parts& parts);
  std::shared_ptr<Specialisation> findSpecialisation(const ir::SymbolValues& compiledIn);
  Result<std::shared_ptr<Specialisation>> specialise(const ir::SymbolValues& symbols);
  Result<std::shared_ptr<Specialisation>> specialiseAlone(const ir::SymbolValues& symbols);
  Result<std::shared_ptr<Specialisation>> trySpecialise(const ir::SymbolValues& compiledIn) const;
  Status fixMore(const ir::SymbolValues& symbols);
  Parts split(const ir::SymbolValues& symbols) const;

  const std::shared_ptr<const Model::Data> model_;
  const CompileOptions options_;
  const std::shared_ptr<DevicePool> devices_;
  std::mutex compiling_;         // held while something is compiled
  mutable std::mutex mutex_;     // guards what follows
  std::set<std::string> fixed_;  // symbols that are compiled in
  std::list<Entry> entries_;     // the one used last in front
};

}  // namespace quartet::api

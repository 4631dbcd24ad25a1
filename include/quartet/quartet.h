// Quartet's public C++ API: an ONNX model goes in, a session for one device comes out.
//
//     auto model = quartet::Model::load("model.onnx");
//     if (!model) return fail(model.error().str());
//     auto session = quartet::Session::compile(*model, {.device = "cpu"});
//     auto outputs = session->run({{"x", quartet::Tensor::of<float>({1, 4}, {1, 2, 3, 4})}});
//
// Nothing here throws for what a user can cause, and nothing aborts: a bug of Quartet's own comes
// out as an Error of kind Internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace quartet {

/// What went wrong, in the parts that a reader needs.
struct Error {  // NOLINT(clang-analyzer-core.uninitialized.Assign): blind to std::variant
  enum class Kind {
    User,         // the model, a file, an option or an input is wrong
    Unsupported,  // legal, but Quartet or the device cannot do it
    Resource,     // memory, a device lost
    Internal,     // a bug in Quartet
  };
  Kind kind = Kind::User;
  std::string message;             // found against required, one sentence
  std::string where;               // node, file and line, input
  std::vector<std::string> notes;  // further facts
  std::string hint;                // what to do
  /// All of it as text, without a trailing newline.
  std::string str() const;
};

/// A value or an Error.
template <class T>
class Expected {
 public:
  Expected(T value) : held_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Expected(Error error) : held_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
  explicit operator bool() const { return held_.index() == 0; }
  T& operator*() { return std::get<0>(held_); }
  const T& operator*() const { return std::get<0>(held_); }
  T* operator->() { return &std::get<0>(held_); }
  const T* operator->() const { return &std::get<0>(held_); }
  const Error& error() const { return std::get<1>(held_); }

 private:
  std::variant<T, Error> held_;
};

/// Element types; bool is one byte, 0 or 1.
enum class DataType : uint8_t { Bool, I8, U8, I16, U16, I32, U32, I64, U64, F16, BF16, F32, F64 };

/// "f32", "i64", "bool", ...
std::string name(DataType type);
int64_t byteSize(DataType type);

/// The DataType of a C++ type (bool stands for itself; 16-bit floats have no C++ type).
template <class T>
struct DataTypeOf;
// clang-format off
template <> struct DataTypeOf<bool> { static constexpr DataType value = DataType::Bool; };
template <> struct DataTypeOf<int8_t> { static constexpr DataType value = DataType::I8; };
template <> struct DataTypeOf<uint8_t> { static constexpr DataType value = DataType::U8; };
template <> struct DataTypeOf<int16_t> { static constexpr DataType value = DataType::I16; };
template <> struct DataTypeOf<uint16_t> { static constexpr DataType value = DataType::U16; };
template <> struct DataTypeOf<int32_t> { static constexpr DataType value = DataType::I32; };
template <> struct DataTypeOf<uint32_t> { static constexpr DataType value = DataType::U32; };
template <> struct DataTypeOf<int64_t> { static constexpr DataType value = DataType::I64; };
template <> struct DataTypeOf<uint64_t> { static constexpr DataType value = DataType::U64; };
template <> struct DataTypeOf<float> { static constexpr DataType value = DataType::F32; };
template <> struct DataTypeOf<double> { static constexpr DataType value = DataType::F64; };
// clang-format on

/// Gives vectors memory that begins at a cache line: what is elsewhere, CPUs load and store across
/// two.
template <class T>
struct LineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kLine{64};

  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>& /*other*/) {}  // NOLINT: allocators convert
  T* allocate(size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), kLine)); }
  void deallocate(T* elements, size_t /*count*/) { ::operator delete(elements, kLine); }
  friend bool operator==(const LineAllocator&, const LineAllocator&) { return true; }
};
using Bytes = std::vector<std::byte, LineAllocator<std::byte>>;

/// A tensor in host memory: row-major, `bytes` holds exactly the elements of `shape` (no extents: a
/// scalar; an extent of zero: no elements).
struct Tensor {
  DataType dtype = DataType::F32;
  std::vector<int64_t> shape;
  Bytes bytes;

  int64_t elementCount() const {
    int64_t count = 1;
    for (int64_t extent : shape) count *= extent;
    return count;
  }
  /// The elements; T must be the tensor's element type.
  template <class T>
  const T* data() const {
    return reinterpret_cast<const T*>(bytes.data());
  }
  template <class T>
  T* data() {
    return reinterpret_cast<T*>(bytes.data());
  }
  template <class T>
  static Tensor of(std::vector<int64_t> shape, const std::vector<T>& values) {
    Tensor tensor{DataTypeOf<T>::value, std::move(shape), {}};
    tensor.bytes.resize(values.size() * sizeof(T));
    if (!values.empty()) std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
    return tensor;
  }
};

/// Tensors by the names of a model's inputs or outputs.
using NamedTensors = std::map<std::string, Tensor>;

/// In shapes: an extent that each run may choose anew.
constexpr int64_t kOpenExtent = -1;

/// An input or output of a model, its shape resolved.
struct TensorInfo {
  std::string name;
  DataType dtype = DataType::F32;
  std::vector<int64_t> shape;  // kOpenExtent where it follows the inputs of a run
  /// Inputs: extent of the axis that an integer input indexes (token ids into an embedding), when
  /// the model shows it; made inputs stay below it.
  std::optional<int64_t> indexLimit;
  /// Outputs: integers that select on floats (the position of a maximum): where two values are
  /// nearly equal, another position is as right.
  bool selects = false;
};

/// A device that `Session::compile` takes by `id`, "name" (any part of it) or `uuid`.
struct DeviceInfo {
  enum class Kind {
    Cpu,
    DiscreteGpu,
    IntegratedGpu,
    SoftwareGpu,
    OtherGpu,
    Reference,
    Null,
    Described,  // an entry of the hardware database: the device need not be there
  };
  std::string id;  // "cpu", "vulkan:0", "reference", "null", "hwdb:nvidia-h200"
  Kind kind = Kind::Cpu;
  std::string name;
  std::string driver;
  std::string uuid;
  /// hwdb entry that its costs come from; "family ..." when the device itself is unknown.
  std::string entry;
  int64_t memoryBytes = 0;
  /// Compiles, but cannot run anything: has no memory, computes nothing (null), or is not there.
  bool compileOnly = false;
  /// What `compile` takes when no device is named.
  bool isDefault = false;
};
std::string name(DeviceInfo::Kind kind);

/// All devices of this machine, sorted by id; the default is marked.
Expected<std::vector<DeviceInfo>> devices();

/// Devices that Quartet could use and this machine does not offer.
struct UnavailableDevice {
  std::string id;      // "cuda", or a single device: "cuda:0 (NVIDIA Tesla V100)"
  std::string reason;  // what is missing
  std::string hint;    // what to do
};
Expected<std::vector<UnavailableDevice>> unavailableDevices();
/// The description of one device, field by field with where each comes from.
Expected<std::string> describeDevice(const std::string& device);

/// A device that the hardware database describes. Models can be compiled for it, by its id, to see
/// how; they run where it is found by its name.
struct DatabaseEntry {
  std::string id;  // "hwdb:nvidia-h200"
  std::string name;
  bool gpu = false;
  std::vector<std::string> matches;  // words of the names of devices that it is for
  std::string driver;                // words of the driver's name; empty: any driver
  std::string file;                  // of the sources, with the line
};
/// All of them, sorted by id.
Expected<std::vector<DatabaseEntry>> database();

/// An imported model: immutable, shared by the sessions compiled from it.
class Model {
 public:
  /// Shapes of inputs by name. An input that is not listed keeps the model's shape; there a free,
  /// batch-like first extent is 1, and any other free extent is an error that names it. An extent
  /// of kOpenExtent stays open: a session of the model takes any value of it, run by run.
  using Shapes = std::map<std::string, std::vector<int64_t>>;

  /// `bound`: values of inputs that become constants of the model, by name; these are then no
  /// inputs any more. An input whose value decides on shapes (a Reshape's target, say) must be
  /// bound.
  ///
  /// Weights stay in the file, which is mapped as long as the model or a session of it lives: who
  /// replaces the file meanwhile must write another and rename it over the old one. A file that was
  /// written into is an error when it is compiled; one that is shortened while it is read ends the
  /// process with SIGBUS.
  static Expected<Model> load(const std::string& path, const Shapes& shapes = {},
                              const NamedTensors& bound = {});
  /// The bytes of a model file; external weights are looked for in `directory`.
  static Expected<Model> parse(const std::string& bytes, const Shapes& shapes = {},
                               const NamedTensors& bound = {}, const std::string& directory = ".");

  /// The same model with open extents of its inputs pinned; inputs that are not listed keep theirs.
  Expected<Model> at(const Shapes& shapes) const;

  const std::string& name() const;
  const std::vector<TensorInfo>& inputs() const;
  const std::vector<TensorInfo>& outputs() const;

  /// Inputs to try the model with: f32 uniform in [-1, 1); integers that index an axis uniform
  /// within it, other integers and bools 0 or 1. The same seed gives the same values everywhere. An
  /// open extent is 1.
  NamedTensors makeInputs(uint64_t seed) const;

  struct Data;
  explicit Model(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  const std::shared_ptr<const Data>& shared() const { return data_; }

 private:
  std::shared_ptr<const Data> data_;
};

/// How to compile. The stage switches are for comparisons: each stage off leaves its work undone,
/// with the same kernels otherwise.
struct CompileOptions {
  std::string device;   // empty: the default device
  int threads = 0;      // CPU: 0 = all cores
  bool strict = false;  // nothing may be placed on another device
  bool cache = true;    // compiled code is kept on disk: QUARTET_CACHE says where
  /// Models with open extents: how many specialisations a session keeps, and how many sets of
  /// shapes of each; the one used longest ago goes first.
  int specialisations = 8;
  bool welder = true;
  bool roller = true;
  bool rammer = true;
  /// So many tiles of each task set, those predicted to be fastest, are run on the device, and the
  /// fastest is taken; 0 or 1: predictions decide. Results may then differ between machines, and
  /// from run to run, in their last bits. The times are kept for the next compilation:
  /// QUARTET_TUNING says where.
  int measure = 0;
  /// Seed. Set: the tiles that are run are drawn from all legal ones instead, to compare
  /// predictions with.
  std::optional<uint64_t> drawTiles = std::nullopt;
  /// Set: convolutions of 3 x 3 by Winograd's algorithm wherever that is possible, or nowhere.
  /// Otherwise where it is predicted to be faster. Its errors are of the size of direct sums'; an
  /// infinity or NaN of the input reaches all points of the 2 x 2 blocks that read it.
  std::optional<bool> winograd = std::nullopt;
  /// `Session::explain` also says between which alternatives each task set has a choice: time alone
  /// against the time for which units are taken, and against memory and registers. What is compiled
  /// stays the same.
  bool fronts = false;
};

/// What is known of a compiled program.
struct Statistics {
  std::string device;         // id
  double compileMs = 0;       // from the imported model to ready to run
  double scheduleMs = 0;      // of those: from the graph to the plan; with what is measured for it
  int64_t launches = 0;       // waves, each one launch, in one run
  int64_t taskSets = 0;       // of all waves
  int64_t kernels = 0;        // distinct
  int64_t cachedKernels = 0;  // of those: not compiled, since an earlier process left their code
  int64_t inputOutputBytes = 0;
  int64_t constantBytes = 0;  // as stored on the device
  int64_t arenaBytes = 0;     // planned peak of intermediates
  int64_t arenaBound = 0;     // the largest live set: what no plan can go below
  int64_t arenaSum = 0;       // all intermediates, without reuse
  double flops = 0;           // predicted work of one run
  double trafficBytes = 0;    // predicted traffic of one run to and from device memory
  /// All of a run's device memory.
  int64_t peakBytes() const { return inputOutputBytes + constantBytes + arenaBytes; }
};

/// What one task set takes of a run, measured by itself.
struct TaskSetTime {
  std::string name;         // as in `explain`
  std::string nodes;        // that it computes
  double microseconds = 0;  // mean over the runs
  double predicted = 0;     // microseconds, as the compiler estimated it
};

/// A tile that was run when the session was compiled (CompileOptions::measure).
struct TileTrial {
  std::string nodes;        // of its task set
  std::string tile;         // as `explain` prints it
  double predicted = 0;     // microseconds
  double microseconds = 0;  // measured
  bool stored = false;      // by an earlier compilation
};

/// What a session has compiled for a model with open extents. Extents along vector lanes or inside
/// reductions are compiled in, a specialisation for each value; the others are launch parameters.
struct SpecialisationInfo {
  std::map<std::string, int64_t> compiledIn;           // by symbol
  std::vector<std::map<std::string, int64_t>> shapes;  // the others, for each set of shapes kept
  int64_t kernels = 0;                                 // distinct, for all of `shapes`
};

/// A model compiled for one device. Runs may be called from several threads; each caller gets a
/// context of its own from a pool.
class Session {
 public:
  static Expected<Session> compile(const Model& model, const CompileOptions& options = {});

  /// Runs once. Every input of the model must be given, with its dtype and shape. Open extents take
  /// the values that the inputs have; what these need is compiled first when it is not there yet.
  /// `outputs`: results of an earlier run that are not needed any more; their memory is used again
  /// (`results = session.run(inputs, std::move(*results))`), which saves the system's work for
  /// large tensors.
  Expected<NamedTensors> run(const NamedTensors& inputs, NamedTensors outputs = {}) const;

  /// Runs several times, every task set by itself, and gives their times in the order of a run.
  /// Unsupported on devices that do not time them, and for models placed on several.
  Expected<std::vector<TaskSetTime>> profile(const NamedTensors& inputs, int runs) const;

  /// The session for one set of shapes of a model with open extents: shares what is compiled, has
  /// statistics and an explanation of its own. Inputs that are not listed have what open extents
  /// they share with others.
  Expected<Session> at(const Model::Shapes& shapes) const;
  /// What is compiled at the moment; empty for a model without open extents.
  std::vector<SpecialisationInfo> specialisations() const;

  const Statistics& statistics() const;
  /// The tiles that were run, task set by task set; empty without CompileOptions::measure, and for
  /// a model with open extents.
  const std::vector<TileTrial>& trials() const;
  /// What a caller may want to know: what is not placed where it was asked to be (nothing with
  /// `strict`), and why compiled code could not be kept.
  const std::vector<std::string>& notes() const;
  /// Placement, task sets, tiles, waves, memory, and the description of the device that they rest
  /// on.
  std::string explain() const;
  /// The generated code: LLVM IR or GLSL; the graph for the reference.
  std::string code() const;

  struct Data;
  explicit Session(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

 private:
  std::shared_ptr<const Data> data_;
};

/// How one output compares with the reference. The rule for floats: |got - reference| <=
/// 1e-3 |reference| + 1e-4 max|reference|, the maximum over the output, or up to the next value of
/// the output's dtype (bf16's lie further apart); NaN matches NaN, infinities match by sign.
/// Integers are equal; where they select on floats, the selected values are compared.
struct Comparison {
  std::string output;
  bool passed = false;
  /// Largest |got - reference| as a part of what is allowed: passed when <= 1. Infinite where no
  /// difference is allowed.
  double worstRatio = 0;
  int64_t elements = 0;
  int64_t failures = 0;  // elements beyond the rule
  std::string detail;    // of a failure: the worst element, or what differs in dtype and shape
};

/// The reference's answer to one set of inputs, evaluated once, for others to be compared with.
class Oracle {
 public:
  static Expected<Oracle> evaluate(const Model& model, const NamedTensors& inputs);
  const NamedTensors& outputs() const;
  double milliseconds() const;
  /// One entry per output of the model, in its order; one that `got` lacks has failed.
  std::vector<Comparison> compare(const NamedTensors& got) const;

  struct Data;
  explicit Oracle(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

 private:
  std::shared_ptr<const Data> data_;
};

}  // namespace quartet

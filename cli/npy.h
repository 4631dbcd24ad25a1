// NumPy's .npy files: one tensor each.
#pragma once

#include <string>

#include "quartet/quartet.h"

namespace quartet::cli {

/// Reads a tensor. Formats 1 to 3, little-endian, C order; bool, integers, f16, f32, f64, and bf16
/// as '|V2' (what NumPy writes for it). Errors name the file and what in it is wrong.
Expected<Tensor> readNpy(const std::string& path);
/// The same from the bytes of a file; `where` names them in errors.
Expected<Tensor> parseNpy(const std::string& bytes, const std::string& where);

/// What a .npy file, format 1, has before the tensor's bytes.
std::string npyHeader(const Tensor& tensor);

}  // namespace quartet::cli

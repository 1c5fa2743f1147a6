# Writes OUT, a C++ source with a row for each `fn … = native` of DECLARATIONS (files named after their types).
set(rows "")
foreach(file IN LISTS DECLARATIONS)
  get_filename_component(type ${file} NAME_WE)
  file(STRINGS ${file} lines REGEX "^fn ")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "^fn (([a-z]+[^.(]*)\\.)?([a-z_0-9]+)(\\(.*\\))?( -> (.+))? = native$")
      message(FATAL_ERROR "${file}: a declaration is no line `fn … = native`: ${line}")
    endif()
    set(receiver "${CMAKE_MATCH_2}")
    set(name "${CMAKE_MATCH_3}")
    set(shape "${CMAKE_MATCH_4}${CMAKE_MATCH_5}")
    string(REGEX REPLACE "^ -> " "" shape "${shape}")
    string(APPEND rows "      {\"${type}\", \"${receiver}\", \"${name}\", \"${shape}\"},\n")
  endforeach()
endforeach()
file(WRITE ${OUT} "#include \"compiler/check/value_functions.h\"

namespace rbk::check {

std::span<const ValueFunction> value_functions() {
  static constexpr ValueFunction kFunctions[] = {
${rows}  };
  return kFunctions;
}

}  // namespace rbk::check
")

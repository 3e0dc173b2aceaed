# The static library first: a package of tfo-run then needs no other.
find_path(JsonC_INCLUDE_DIR json-c/json_object.h)
find_library(JsonC_LIBRARY NAMES libjson-c.a json-c)
if(JsonC_INCLUDE_DIR)
  file(STRINGS "${JsonC_INCLUDE_DIR}/json-c/json_c_version.h" version
    REGEX "^#define JSON_C_VERSION +\"")
  string(REGEX REPLACE ".*\"([0-9.]+).*" "\\1" JsonC_VERSION "${version}")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(JsonC
  REQUIRED_VARS JsonC_LIBRARY JsonC_INCLUDE_DIR
  VERSION_VAR JsonC_VERSION)

# uthash is headers only and ships no CMake package of its own.
find_path(Uthash_INCLUDE_DIR uthash.h)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Uthash
  REQUIRED_VARS Uthash_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "uthash.h is missing: install the package uthash-dev (Debian, Ubuntu) or uthash-devel (Fedora)")

# Bats runs the tests.
find_program(Bats_EXECUTABLE bats)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Bats
  REQUIRED_VARS Bats_EXECUTABLE
  REASON_FAILURE_MESSAGE "bats is missing: install the package bats, or build without tests (-DTFO_TESTS=OFF)")

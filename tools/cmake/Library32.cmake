# A program of 32 bits that inherits LD_PRELOAD says on standard error that a library of 64 bits
# cannot be preloaded, and also if it finds none. So an empty library of the same name is installed
# where the loader of 32 bits has what that of 64 calls $LIB (ld.so(8)); tfo-run then writes $LIB.
#
# Sets TFO_LIB32_DIRS, relative to the prefix; empty where there are no such programs, the compiler
# makes nothing for them, or the library is not in a directory that $LIB ever stands for.

set(TFO_LIB32_DIRS)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  if(CMAKE_INSTALL_LIBDIR STREQUAL "lib64")
    set(TFO_LIB32_DIRS lib)
  elseif(CMAKE_INSTALL_LIBDIR STREQUAL "lib/x86_64-linux-gnu")
    # Of Debian's package libc6-i386, and of libc6 of the architecture i386.
    set(TFO_LIB32_DIRS lib32 lib/i386-linux-gnu)
  endif()
endif()

set(library32 "${CMAKE_CURRENT_BINARY_DIR}/32/libtfo-preload.so")
set(make_library32 "${CMAKE_C_COMPILER}" -m32 -shared -nostdlib -s -Wl,-z,noseparate-code
  -Wl,-z,norelro -o "${library32}" -x c /dev/null)

if(TFO_LIB32_DIRS)
  file(MAKE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/32")
  execute_process(COMMAND ${make_library32} RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(failed)
    message(STATUS "The compiler makes no libraries of 32 bits: such programs will say that they cannot preload one")
    set(TFO_LIB32_DIRS)
  endif()
endif()

foreach(directory IN LISTS TFO_LIB32_DIRS)
  install(FILES "${library32}" DESTINATION "${directory}")
endforeach()

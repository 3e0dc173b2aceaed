# The runtime: all that a container takes along, in one directory (see tfoctl/runtime.h). `tfo-run
# install` copies it.
set(runtime "${CMAKE_BINARY_DIR}/libexec/tfo-run")
set(static "${CMAKE_CURRENT_BINARY_DIR}/static")

# An image may have another libc or none, so its tfoctl and tfo-supervise are static. With musl, if there is musl-gcc: its
# getaddrinfo wants nothing of the image but /etc/hosts and /etc/resolv.conf. That of glibc, static,
# loads the image's NSS modules, which are made for another glibc.
if(NOT CMAKE_CROSSCOMPILING)
  find_program(MUSL_GCC musl-gcc)
endif()
set(static_compiler "${CMAKE_C_COMPILER}")
if(MUSL_GCC)
  set(static_compiler "${MUSL_GCC}")
  # musl-gcc sees none of the system's headers: these are no libc's.
  file(MAKE_DIRECTORY "${static}/include")
  find_path(kernel_headers linux/tcp.h)
  find_path(machine_headers asm/types.h)
  foreach(header IN ITEMS "${kernel_headers}/linux" "${kernel_headers}/asm-generic"
          "${machine_headers}/asm" "${Uthash_INCLUDE_DIR}/uthash.h")
    cmake_path(GET header FILENAME name)
    file(CREATE_LINK "${header}" "${static}/include/${name}" RESULT ignored SYMBOLIC)
  endforeach()
  set(static_headers -isystem "${static}/include")
else()
  set(static_headers -isystem "${Uthash_INCLUDE_DIR}")
endif()
set(static_options -std=gnu17 -O2 -D_GNU_SOURCE "-DTFO_VERSION=\"${PROJECT_VERSION}\""
  -I "${CMAKE_SOURCE_DIR}" ${static_headers})

# Some systems have no static libc.
file(WRITE "${static}/trial.c" "#include <linux/tcp.h>\n#include <netdb.h>\n#include <uthash.h>\n
int main(void) { return getaddrinfo(0, 0, 0, 0); }\n")
execute_process(
  COMMAND "${static_compiler}" ${static_options} -static -o "${static}/trial" "${static}/trial.c"
  RESULT_VARIABLE static_result OUTPUT_QUIET ERROR_VARIABLE static_error)
if(NOT static_result EQUAL 0)
  message(WARNING "No static program can be built, so `tfo-run install` will have no tfoctl for "
    "containers: install musl-gcc (musl-tools), or a static libc. ${static_compiler} said:\n"
    "${static_error}")
endif()

function(build_static program) # a target, too
  set(objects)
  foreach(target IN ITEMS ${program} tfo-memory tfo-policy)
    get_target_property(sources ${target} SOURCES)
    get_target_property(directory ${target} SOURCE_DIR)
    if(target STREQUAL tfoctl)
      list(APPEND sources tfoctl/no_inject.c) # containers inject nothing
    endif()
    foreach(source IN LISTS sources)
      cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${directory}")
      cmake_path(GET source STEM name)
      set(object "${static}/${target}-${name}.o")
      add_custom_command(OUTPUT "${object}"
        COMMAND "${static_compiler}" ${static_options} -MD -MF "${object}.d"
                -c "${source}" -o "${object}"
        DEPENDS "${source}" DEPFILE "${object}.d"
        COMMENT "Building ${target} ${name}, static"
        VERBATIM)
      list(APPEND objects "${object}")
    endforeach()
  endforeach()
  add_custom_command(OUTPUT "${runtime}/${program}"
    COMMAND "${static_compiler}" -static -s -o "${runtime}/${program}" ${objects}
    COMMAND chmod 755 "${runtime}/${program}" # whatever the umask: it is installed as it is
    DEPENDS ${objects}
    COMMENT "Linking ${program}, static"
    VERBATIM)
endfunction()

function(copy_part name source mode)
  add_custom_command(OUTPUT "${runtime}/${name}"
    COMMAND "${CMAKE_COMMAND}" -E copy "${source}" "${runtime}/${name}"
    COMMAND chmod ${mode} "${runtime}/${name}"
    DEPENDS "${source}" ${ARGN})
endfunction()

file(MAKE_DIRECTORY "${runtime}")
copy_part(libtfo-preload.so "$<TARGET_FILE:tfo-preload>" 644 tfo-preload)
copy_part(policy "${CMAKE_SOURCE_DIR}/policy/default.policy" 644)
copy_part(tfo-run "${CMAKE_CURRENT_SOURCE_DIR}/tfo-run" 755)
set(runtime_files "${runtime}/libtfo-preload.so" "${runtime}/policy" "${runtime}/tfo-run")
if(static_result EQUAL 0)
  build_static(tfoctl)
  list(APPEND runtime_files "${runtime}/tfoctl")
  if(TARGET tfo-supervise)
    build_static(tfo-supervise)
    list(APPEND runtime_files "${runtime}/tfo-supervise")
    set(TFO_RUNTIME_SUPERVISES TRUE)
  endif()
endif()
add_custom_target(runtime ALL DEPENDS ${runtime_files})
add_dependencies(runtime tfo-policy tfo-preload) # the policy room makes one of its sources

install(DIRECTORY "${runtime}/" DESTINATION "${CMAKE_INSTALL_LIBEXECDIR}/tfo-run"
  USE_SOURCE_PERMISSIONS)

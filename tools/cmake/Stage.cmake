# Run by cpack when everything is installed in its staging directory, before it is packed: what
# distributions want and `cmake --install` does not do.

set(root "${CPACK_TEMPORARY_DIRECTORY}")
set(documents "${root}/usr/share/doc/${CPACK_PACKAGE_NAME}")

function(compress)
  foreach(file IN LISTS ARGN)
    execute_process(COMMAND gzip -9n "${file}" COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
endfunction()

# Debian's policy, 12.5: in its own form, instead of the licence as it stands.
function(write_copyright)
  file(READ "${CPACK_RESOURCE_FILE_LICENSE}" licence)
  string(REGEX MATCH "Copyright \\(c\\) ([^\n]*)\n\n(.*)" licence "${licence}")
  set(owner "${CMAKE_MATCH_1}")
  string(REPLACE "\n\n" "\n.\n" licence "${CMAKE_MATCH_2}")
  string(REGEX REPLACE "\n(.)" "\n \\1" licence " ${licence}")
  file(WRITE "${documents}/copyright"
"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ${CPACK_PACKAGE_NAME}

Files: *
Copyright: ${owner}
License: Expat

License: Expat
${licence}")
  file(REMOVE "${documents}/LICENSE")
endfunction()

# Debian's policy, 12.7. The time is that of SOURCE_DATE_EPOCH, if there is one.
function(write_changelog)
  string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
  file(WRITE "${documents}/changelog"
"${CPACK_PACKAGE_NAME} (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * Packaged from its sources by cpack.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
  compress("${documents}/changelog")
endfunction()

# Of the programs alone: the library asks for no version of anything. (CPack's own way looks at every
# file, and adds scripts that call ldconfig where there is a library, although nothing links with it.)
function(find_dependencies)
  find_program(shlibdeps dpkg-shlibdeps REQUIRED)
  set(source "${CPACK_TOPLEVEL_DIRECTORY}/shlibdeps")
  file(WRITE "${source}/debian/control" "Source: ${CPACK_PACKAGE_NAME}\n\nPackage: ${CPACK_PACKAGE_NAME}\nArchitecture: any\n")
  file(MAKE_DIRECTORY "${root}/DEBIAN") # by which it knows the root of a package
  set(programs "${root}/usr/bin/tfoctl")
  set(supervisor "${root}/usr/libexec/tfo-run/tfo-supervise") # static, where that can be built
  execute_process(COMMAND readelf -l "${supervisor}" OUTPUT_VARIABLE headers ERROR_QUIET)
  if(headers MATCHES "INTERP")
    list(APPEND programs "${supervisor}")
  endif()
  execute_process(COMMAND "${shlibdeps}" -O ${programs} WORKING_DIRECTORY "${source}"
    OUTPUT_VARIABLE depends OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  file(REMOVE_RECURSE "${root}/DEBIAN")
  string(REPLACE "shlibs:Depends=" "" depends "${depends}")
  set(CPACK_DEBIAN_PACKAGE_DEPENDS "${depends}" PARENT_SCOPE)
endfunction()

# What is installed as a file is not stripped by cpack.
if(CPACK_TFO_STRIP)
  file(GLOB copies "${root}/libexec/tfo-run/libtfo-preload.so" "${root}/usr/libexec/tfo-run/libtfo-preload.so")
  foreach(copy IN LISTS copies)
    execute_process(COMMAND "${CPACK_TFO_STRIP}" "${copy}" COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
endif()
if(CPACK_GENERATOR MATCHES "^(DEB|RPM)$")
  file(GLOB manuals "${root}/usr/share/man/man*/*.[0-9]")
  compress(${manuals})
endif()
if(CPACK_GENERATOR STREQUAL "DEB")
  write_copyright()
  write_changelog()
  configure_file("${CPACK_TFO_LINTIAN}" "${root}/usr/share/lintian/overrides/${CPACK_PACKAGE_NAME}" COPYONLY)
  file(CHMOD_RECURSE "${documents}" "${root}/usr/share/lintian"
    FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  find_dependencies()
endif()
# Whatever the umask is.
file(CHMOD_RECURSE "${root}" DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

# What cpack makes: a package for Debian, one for RPM, a tarball. Each wants its own directories
# (library, completions), so each has presets: cmake --workflow --preset deb.

set(TFO_MAINTAINER "the tfo-run maintainers <maintainers@tfo-run.invalid>" CACHE STRING
  "Who answers for the packages; whoever gives them to others puts an address there")

set(CPACK_PACKAGE_NAME tfo-run)
set(CPACK_PACKAGE_VENDOR "the tfo-run maintainers")
set(CPACK_PACKAGE_CONTACT "${TFO_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION
  "tfo-run runs a program with a library in LD_PRELOAD that saves one round
trip on each new TCP connection that a policy allows: the connection is held
until the first write, and that write leaves with the SYN (RFC 7413). The
program needs no change and no new build. Destinations that eat such SYNs are
noticed, remembered and left alone. tfoctl explains what is done and why, and
shows what was saved.")
set(CPACK_RESOURCE_FILE_LICENSE "${CMAKE_SOURCE_DIR}/LICENSE")
string(TOLOWER "${CMAKE_SYSTEM_NAME}" system)
set(CPACK_PACKAGE_FILE_NAME "tfo-run-${PROJECT_VERSION}-${system}-${CMAKE_SYSTEM_PROCESSOR}")
set(CPACK_STRIP_FILES TRUE)
set(CPACK_TFO_STRIP "${CMAKE_STRIP}")
set(CPACK_THREADS 0)
set(CPACK_GENERATOR TXZ)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION TRUE)
set(debian_names x86_64 amd64 aarch64 arm64)
list(FIND debian_names "${CMAKE_SYSTEM_PROCESSOR}" index)
if(index GREATER -1)
  math(EXPR index "${index} + 1")
  list(GET debian_names ${index} CPACK_DEBIAN_PACKAGE_ARCHITECTURE)
endif()

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE MIT)
set(CPACK_RPM_PACKAGE_DESCRIPTION "${CPACK_PACKAGE_DESCRIPTION}")
set(CPACK_RPM_PACKAGE_ARCHITECTURE "${CMAKE_SYSTEM_PROCESSOR}")
set(CPACK_RPM_PACKAGE_AUTOPROV OFF) # nothing links with the library
set(CPACK_RPM_SPEC_MORE_DEFINE "%define _build_id_links none
%define _buildhost localhost")
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
  /usr/lib64 /usr/libexec /usr/share/man /usr/share/man/man1 /usr/share/man/man5 /usr/share/man/man7
  /usr/share/bash-completion /usr/share/bash-completion/completions
  /usr/share/zsh /usr/share/zsh/site-functions
  /usr/share/fish /usr/share/fish/vendor_completions.d)

# What a distribution wants of the files that are installed, before they are packed.
set(CPACK_TFO_LINTIAN "${CMAKE_CURRENT_LIST_DIR}/lintian-overrides")
set(CPACK_PRE_BUILD_SCRIPTS "${CMAKE_CURRENT_LIST_DIR}/Stage.cmake")

include(CPack)

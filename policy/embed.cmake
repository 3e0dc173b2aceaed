# Writes OUTPUT, a C file with the text of INPUT. Run with cmake -P, as part of the build.
file(READ "${INPUT}" bytes HEX)
string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
string(REGEX REPLACE "(('[^']*',)('[^']*',)?('[^']*',)?('[^']*',)?('[^']*',)?('[^']*',)?('[^']*',)?('[^']*',)?)"
  "\t\\1\n" bytes "${bytes}")
file(WRITE "${OUTPUT}" "/* Made from default.policy by embed.cmake. */
#include \"policy/policy.h\"

const char policy_default_text[] = {
${bytes}\t'\\0',
};
const size_t policy_default_length = sizeof(policy_default_text) - 1;
")

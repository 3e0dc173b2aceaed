# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2153 # LIBRARY is of helper.bash
#
# Images made of what this machine has, and containers that runc makes of them: in the lab's network, and without
# any privilege outside it. For files that `load helper`, `load lab/lab.bash` and `load sockets` first.

needs_runtime() {
	[[ $PRELOAD == "$LIBRARY" ]] || skip "the library was built with a sanitizer"
	[[ -x $TFO_BUILD/libexec/tfo-run/tfoctl ]] || must_skip "no static tfoctl could be built here"
}

copy_with_libraries() { # PROGRAM ROOT NAME
	local library
	mkdir -p "$2/bin"
	cp "$1" "$2/bin/$3"
	for library in $(ldd "$1" | grep -o '/[^ ]*'); do
		mkdir -p "$2${library%/*}"
		cp -L "$library" "$2$library"
	done
}

empty_image() { # ROOT
	mkdir -p "$1/bin" "$1/proc" "$1/dev" "$1/tfo"
}

# A client, what ldd names for it, and nothing else, as distroless images are.
distroless_image() { # ROOT
	empty_image "$1"
	copy_with_libraries "$PROBES/client" "$1" client
}

glibc_image() { # ROOT
	distroless_image "$1"
	copy_with_libraries "$(readlink -f /bin/sh)" "$1" sh
}

musl_image() { # ROOT
	[[ -x $PROBES/client-musl ]] || must_skip "no musl-gcc"
	lab_need busybox
	empty_image "$1"
	mkdir -p "$1/lib"
	cp "$PROBES/client-musl" "$1/bin/client"
	cp -L /lib/ld-musl-*.so.1 "$1/lib"
	cp "$(command -v busybox)" "$1/bin/busybox"
	ln -s busybox "$1/bin/sh"
}

# The arguments as a list of JSON.
json_list() { # [WORD...]
	/usr/bin/python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$@"
}

# Makes a bundle; its variables are those of $ENVIRONMENT, a list, its mounts those of $MOUNTS, in JSON. There is no
# network namespace in it, so the container is in the network that we are in. Its root cannot be written to.
bundle() { # DIRECTORY ROOT COMMAND [ARG...]
	mkdir -p "$1"
	cat >"$1/config.json" <<-END
		{
			"ociVersion": "1.0.2",
			"process": {
				"user": {"uid": 0, "gid": 0},
				"cwd": "/",
				"args": $(json_list "${@:3}"),
				"env": $(json_list PATH=/bin "${ENVIRONMENT[@]}")
			},
			"root": {"path": $(json_list "$2" | tr -d '[]'), "readonly": true},
			"mounts": [
				{"destination": "/proc", "type": "proc", "source": "proc"},
				{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}${MOUNTS:+, $MOUNTS}
			],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}]}
		}
	END
}

run_bundle() { # DIRECTORY
	timeout 30 runc --root "$LAB_TMP/runc" run --no-new-keyring -b "$1" "c$((++containers))" 2>&1 </dev/null 3>&-
}

mount_of() { # DIRECTORY PLACE MODE
	printf '{"destination": "%s", "type": "bind", "source": "%s", "options": ["bind", "%s"]}' "$2" "$1" "$3"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Containers of any libc or none: a client in them that nobody changed gains a round trip. What is installed for them is
# in install.bats, how config.json is edited in inject.bats.

load helper
load lab/lab.bash
load sockets
load containers

setup() {
	fresh_environment
	needs_runtime
}

teardown() {
	lab_reset
}

RULE='* * any verify=off minrtt=0 hold=300ms'
STEPS=(time connect write:hello read took:90 read-all close)

begin_containers() {
	lab_need runc
	begin 50 answer -t 16
	connections=1 # the one that fetched the cookie
	tfo-run install "$PWD/tfo"
	ENVIRONMENT=()
	MOUNTS=
}

client_bundle() { # DIRECTORY ROOT [WORD...], put before the client
	bundle "$1" "$2" "${@:3}" /bin/client "$ADDRESS" "$PORT" "${STEPS[@]}"
}

said() { # WORD, behind "took: "
	printf '%s\n' 'connect: 0' 'write: 5' 'read: 3' '  data: ok' "took: $1" 'read-all: 0' 'close: 0'
}

# Sets $took to what the client says of its time.
connection_as_always() { # BUNDLE SYN_DATA
	try run_bundle "$1"
	took=${lines[4]#took: }
	expect_output "$(said "$took")"
	lab_wait_ended "$((++connections))"
	[[ $(tail -n 1 "$(lab_log server)") == "conn $connections bytes=5 end=eof syn_data=$2 "*' data="hello"' ]]
}

# At 50 ms a program that connects, writes and reads takes 100 ms, or 50 with the data in the SYN. It never takes less; a
# busy machine may need a few tries to show that it can.
answered_after_two_round_trips() { # BUNDLE
	connection_as_always "$1" 0
	[[ $took == 'no, longer' ]]
}

answered_after_one_round_trip() { # BUNDLE
	for _ in 1 2 3 4 5; do
		connection_as_always "$1" 1
		[[ $took != yes ]] || return 0
	done
	unexpected 'an answer within 90 ms, once in five times'
}

not_without() { # ROOT
	client_bundle plain "$1"
	answered_after_two_round_trips plain
}

# ENTRYPOINT ["/tfo/tfo-run","--","original"]
gains_by_entrypoint() { # ROOT
	MOUNTS=$(mount_of "$PWD/tfo" /tfo ro)
	ENVIRONMENT+=("TFO_RULES=allow $RULE" TFO_STATE=off)
	client_bundle entrypoint "$1" /tfo/tfo-run --
	answered_after_one_round_trip entrypoint
}

gains_by_preload() { # ROOT
	MOUNTS=$(mount_of "$PWD/tfo" /tfo ro)
	ENVIRONMENT+=("TFO_RULES=allow $RULE" TFO_STATE=off LD_PRELOAD=/tfo/libtfo-preload.so TFO_POLICY=/tfo/policy)
	client_bundle preload "$1"
	answered_after_one_round_trip preload
}

gains_by_injection() { # ROOT [OPTION...]
	MOUNTS=
	ENVIRONMENT=(TFO_STATE=off)
	client_bundle injected "$1"
	cp injected/config.json original.json
	tfo-run inject -a "$RULE" --runtime tfo "${@:2}" injected
	answered_after_one_round_trip injected
	tfo-run inject --remove injected
	cmp injected/config.json original.json
	answered_after_two_round_trips injected
}

@test "a glibc image: a round trip is saved, by the entrypoint, by LD_PRELOAD alone, by injection" {
	begin_containers
	glibc_image "$PWD/root"
	not_without "$PWD/root"
	gains_by_entrypoint "$PWD/root"
	gains_by_preload "$PWD/root"
	gains_by_injection "$PWD/root"
}

@test "an image of musl and busybox: a round trip is saved, by the entrypoint, by LD_PRELOAD alone, by injection" {
	begin_containers
	musl_image "$PWD/root"
	not_without "$PWD/root"
	gains_by_entrypoint "$PWD/root"
	gains_by_preload "$PWD/root"
	gains_by_injection "$PWD/root" --wrap
}

@test "an image without a shell: a round trip is saved, by LD_PRELOAD alone and by injection" {
	begin_containers
	distroless_image "$PWD/root"
	not_without "$PWD/root"
	gains_by_preload "$PWD/root"
	gains_by_injection "$PWD/root"
}

# A program that LD_PRELOAD does not reach, under the supervisor of the runtime.
data_in_syn_of() { # BUNDLE
	try run_bundle "$1"
	expect_status 0
	expect_output ok
	lab_wait_ended "$((++connections))"
	[[ $(tail -n 1 "$(lab_log server)") == "conn $connections bytes=6 end=eof syn_data=1 "* ]]
}

@test "a static program: a round trip is saved by the entrypoint, and without a shell by the supervisor alone" {
	begin_containers
	musl_image "$PWD/root"
	cp "$PROBES/async" root/bin
	mkdir memory
	cp -r tfo/. root/tfo # beside the program, as an image has it that was built so
	MOUNTS=$(mount_of "$PWD/memory" /dev/shm rw)
	ENVIRONMENT=("TFO_RULES=allow * $PORT any minrtt=0 hold=300ms" TFO_STATE=/dev/shm/state)
	bundle entrypoint "$PWD/root" /tfo/tfo-run -- async "$ADDRESS" "$PORT" get
	try run_bundle entrypoint # this one is verified
	expect_output ok
	lab_wait_ended "$((++connections))"
	data_in_syn_of entrypoint
	rm root/bin/sh root/bin/busybox
	bundle supervisor "$PWD/root" /tfo/tfo-supervise -- async "$ADDRESS" "$PORT" get
	data_in_syn_of supervisor
}

@test "the entrypoint says what it does not reach, and what is not there" {
	begin_containers
	musl_image "$PWD/root"
	MOUNTS=$(mount_of "$PWD/tfo" /tfo ro)
	bundle static "$PWD/root" /tfo/tfo-run -- busybox true
	try run_bundle static
	expect_status 125
	expect_output 'tfo-run: busybox: statically linked, so no loader runs that would read LD_PRELOAD; tfo-run --supervise reaches it, under rules with payload any or supervise=yes'
	bundle supervised "$PWD/root" /tfo/tfo-run --supervise --require -- busybox echo supervised
	try run_bundle supervised
	expect_only supervised
	bundle missing "$PWD/root" /tfo/tfo-run -- nothing
	try run_bundle missing
	expect_status 127
	expect_output 'tfo-run: nothing: command not found'
}

@test "tfoctl works in an image without a shell, and finds names there with nothing but /etc/hosts" {
	begin_containers
	distroless_image "$PWD/root"
	mkdir "$PWD/root/etc"
	echo "$ADDRESS name.test" >root/etc/hosts
	MOUNTS=$(mount_of "$PWD/tfo" /tfo ro)
	bundle prime "$PWD/root" /tfo/tfoctl prime "name.test:$PORT"
	try run_bundle prime
	expect_status 0
	lab_wait_ended 2
	bundle check "$PWD/root" /tfo/tfoctl check client
	try run_bundle check
	expect_status 0
	[[ $output == *'data came with a SYN on 127.0.0.1'*'/bin/client: reached by LD_PRELOAD (glibc'* ]]
}

# --- tools/containers

MANIFESTS=$BATS_TEST_DIRNAME/../tools/containers

manifest() { # WHAT FILE
	/usr/bin/python3 "$BATS_TEST_DIRNAME/manifest.py" "$@"
}

# The image of tools/containers/Containerfile, run with WORDS for its own.
install_by_image() { # VOLUME PLACE WORD...
	local words
	tfo-run install context
	mkdir -p init/runtime "init$2"
	grep -qx 'COPY . /runtime' "$MANIFESTS/Containerfile"
	cp -r context/. init/runtime
	words=$(sed -n 's/^ENTRYPOINT //p' "$MANIFESTS/Containerfile")
	mapfile -t entrypoint < <(/usr/bin/python3 -c 'import json, sys; print(*json.loads(sys.argv[1]), sep="\n")' "$words")
	ENVIRONMENT=()
	MOUNTS=$(mount_of "$1" "$2" rw)
	bundle installs "$PWD/init" "${entrypoint[@]}" "${@:3}"
	try run_bundle installs
	expect_only ''
}

# The two containers that a manifest describes, one after the other, and the connection of the second.
gains_by_manifest() { # FILE
	local place other mode
	begin_containers
	distroless_image "$PWD/root"
	mkdir volume
	chmod 777 volume # as an emptyDir is
	read -r place other mode < <(manifest places "$1")
	mapfile -t words < <(manifest init "$1")
	install_by_image "$PWD/volume" "$place" "${words[@]}"
	[[ $mode == ro ]]
	mapfile -d '' ENVIRONMENT < <(manifest variables "$1")
	[[ ${ENVIRONMENT[-1]} == TFO_RULES=*$'\n' ]]
	ENVIRONMENT[-1]+="allow $RULE" # of servers in the lab
	MOUNTS=$(mount_of "$PWD/volume" "$other" "$mode")
	client_bundle program "$PWD/root"
	answered_after_one_round_trip program
}

@test "the Kubernetes manifest does what it says" {
	/usr/bin/python3 -c 'import yaml' || must_skip "no python3-yaml"
	gains_by_manifest "$MANIFESTS/kubernetes.yaml"
}

@test "the compose file does what it says" {
	/usr/bin/python3 -c 'import yaml' || must_skip "no python3-yaml"
	gains_by_manifest "$MANIFESTS/compose.yaml"
}

@test "the image that installs does so without being told where" {
	begin_containers
	mkdir volume
	grep -qx 'CMD \["/tfo"\]' "$MANIFESTS/Containerfile"
	install_by_image "$PWD/volume" /tfo /tfo
	diff -r context volume
}

# A manifest with something replaced, and what is to be said about it.
bad_manifest() { # FROM TO SENTENCE
	local name
	name=bad$((++bad)).yaml
	sed "s|$1|$2|" "$MANIFESTS/kubernetes.yaml" >$name
	run ! cmp -s $name "$MANIFESTS/kubernetes.yaml"
	expected+="$name: $3"$'\n'
}

@test "Kubernetes' own schema has all that the manifest says, and what it has not is noticed" {
	/usr/bin/python3 -c 'import kubernetes' || must_skip "no python3-kubernetes"
	expected=
	bad_manifest 'args: .*' 'args: [1]' "Deployment.spec.template.spec.initContainers[0].args[0]: 1 is '1' for the API"
	bad_manifest 'value: /tfo/policy' 'value: 1' "Deployment.spec.template.spec.containers[0].env[1].value: 1 is '1' for the API"
	bad_manifest 'readOnly:' 'readonly:' 'Deployment.spec.template.spec.containers[0].volumeMounts[0].readonly: True is None for the API'
	bad_manifest 'mountPath:' 'path:' "Invalid value for \`mount_path\`, must not be \`None\`"
	bad_manifest 'apps/v1' 'v1' 'Deployment is not in v1'
	bad_manifest ' name: tfo$' ' names: tfo' "Invalid value for \`name\`, must not be \`None\`"
	try manifest check "$MANIFESTS/kubernetes.yaml" bad?.yaml
	expect_status 1
	expect_output "${expected%$'\n'}"
}

@test "docker-compose takes the compose file, and refuses what it does not know" {
	command -v docker-compose >/dev/null || must_skip "no docker-compose"
	try docker-compose -f "$MANIFESTS/compose.yaml" config -q
	expect_only ''
	for change in s/volumes:/volume:/ 's/command: .*/command: {}/'; do
		sed "$change" "$MANIFESTS/compose.yaml" >changed.yaml
		try docker-compose -f changed.yaml config -q
		[[ $status == 1 && $stderr == *changed.yaml* ]] || unexpected "a refusal of $change"
	done
}

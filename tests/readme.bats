#!/usr/bin/env bats
# Every command of the README is run, as it stands there, where www.example.com is a server of ours.

load helper
load lab/lab.bash
load sockets

README=$BATS_TEST_DIRNAME/../README.md

setup() {
	fresh_environment
	lab_need curl nginx openssl
	lab_reset
	ln -s "$TFO_BUILD" build
}

teardown() {
	lab_reset
}

# The lines of the README's sh blocks, without their comments.
commands() {
	awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$README" | sed 's/  *#.*//'
}

example_com() {
	mkdir -p www
	echo 'An example.' >www/index.html
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=www.example.com \
		-addext 'subjectAltName=DNS:www.example.com' -keyout key.pem -out cert.pem 2>openssl.log
	cat >nginx.conf <<-END
		daemon off;
		master_process off;
		user root root;
		pid nginx.pid;
		error_log stderr;
		events {}
		http {
			access_log off;
			client_body_temp_path temp;
			proxy_temp_path temp;
			fastcgi_temp_path temp;
			uwsgi_temp_path temp;
			scgi_temp_path temp;
			server {
				listen 80 fastopen=256;
				listen 443 ssl fastopen=256;
				ssl_certificate cert.pem;
				ssl_certificate_key key.pem;
				root www;
			}
		}
	END
	lab_start nginx nginx -e stderr -p "$PWD" -c nginx.conf
	lab_wait_port 10.9.0.1 443
	grep -q example.com /etc/hosts || echo '10.9.0.1 www.example.com api.internal' >>/etc/hosts
	export CURL_CA_BUNDLE=$PWD/cert.pem
}

@test "the README has the commands that are tried here, and no others" {
	diff <(commands) - <<-'END'
		tools/demo
		tools/test
		cmake --workflow --preset deb && sudo dpkg -i build-deb/tfo-run_*.deb
		cmake --workflow --preset rpm && sudo rpm -i build-rpm/tfo-run-*.rpm
		cmake --workflow --preset tar
		cmake --preset release && cmake --build --preset release
		build/bin/tfo-run -v curl -s https://www.example.com/
		build/bin/tfo-run -a '*.example.com 80 http' curl -s http://www.example.com/
		build/bin/tfoctl status
		build/bin/tfo-run -l 8080 python3 -m http.server 8080
		build/bin/tfoctl status --listen
		build/bin/tfo-run install tfo
		build/bin/tfo-run inject --runtime tfo bundle
		build/bin/tfo-run --supervise -a '* 443 tls supervise=yes' ./a-go-program
	END
}

# tools/test is what runs this. packages.bats does what it takes to install.
@test "tools/demo shows a round trip saved" {
	cd "$BATS_TEST_DIRNAME/.."
	try tools/demo
	# curl waits for its connection first: the demo says that nothing is gained then.
	if under_user_hold; then
		expect_status 1
		expect_error_with 'no round trip was saved, or the SYN carried nothing: http https'
	else
		expect_status 0
	fi
	[[ $output =~ first\ byte\ after.*saved ]]
}

@test "the first uses: the second run saves a round trip, and status says so" {
	example_com
	lab_delay 20
	mapfile -t uses < <(commands | grep 'tfo-run.*curl')
	for use in "${uses[@]}"; do
		for _ in 1 2; do
			try sh -c "$use"
			expect_status 0
			expect_output 'An example.'
		done
		expect_error_with '' # quiet but for -v
	done
	said='bytes in the SYN, acknowledged'
	! under_user_hold || said=', 0 bytes in the SYN: '
	[[ $(sh -c "${uses[0]}" 2>&1) == *"$said"* ]]
	try sh -c "$(commands | grep 'status$')"
	expect_status 0
	[[ $output == *10.9.0.1:443* && $output == *10.9.0.1:80* ]]
}

@test "a Go program, supervised: its second connection has data in the SYN" {
	lab_need hey
	example_com
	ln -s "$(command -v hey)" a-go-program
	lab_delay 20
	lab_capture
	try sh -c "$(commands | grep a-go-program) -n 3 -c 1 -disable-keepalive https://www.example.com/"
	expect_status 0
	[[ $output =~ \[200\][[:space:]]+3\ responses ]] || unexpected "three answers"
	mapfile -t in_syn < <(lab_syn_payloads 443)
	((${#in_syn[@]} >= 3 && in_syn[0] == 0 && in_syn[1] > 200)) || unexpected "data in the second SYN: ${in_syn[*]}"
}

@test "a server gets Fast Open, and status says so" {
	[[ $(command -v python3) ]] || must_skip "no python3"
	lab_start server sh -c "exec $(commands | grep http.server)"
	lab_wait_port 10.9.0.1 8080
	lab_prime 10.9.0.1 8080
	try curl -s -o page --tcp-fastopen http://10.9.0.1:8080/
	expect_only ''
	try sh -c "$(commands | grep -e --listen)"
	expect_status 0
	[[ ${lines[1]} =~ ^0.0.0.0:8080' '+256' '+2' '+1' ' ]] || unexpected 'two accepted, one with data'
}

@test "a container's configuration gets the library, and gives it back" {
	[[ -e build/libexec/tfo-run/tfoctl ]] || must_skip "no static tfoctl"
	mkdir bundle
	echo '{"process":{"args":["original"]}}' >bundle/config.json
	while read -r command; do
		try sh -c "$command"
		expect_only ''
	done < <(commands | grep 'tfo$\|bundle$')
	grep -q '"LD_PRELOAD=/tfo/libtfo-preload.so","TFO_POLICY=/tfo/policy"' bundle/config.json
	[[ -f tfo/libtfo-preload.so && -f tfo/policy ]]
	try tfo/tfo-run -- true
	expect_only ''
	build/bin/tfo-run inject --remove bundle
	[[ $(<bundle/config.json) == '{"process":{"args":["original"]}}' ]]
	for file in kubernetes.yaml compose.yaml Containerfile; do
		[[ -f ${README%/*}/tools/containers/$file ]]
	done
}

@test "the policy in the README is a good one" {
	grep -E '^(# verb|allow|deny) ' "$README" >policy
	[[ $(wc -l <policy) == 5 ]]
	try build/bin/tfoctl policy check policy
	expect_only ''
}

@test "the other commands that the README names" {
	example_com
	try build/bin/tfoctl prime www.example.com:443
	expect_status 0
	try build/bin/tfoctl probe www.example.com:80
	expect_status 0
	try build/bin/tfoctl check curl
	expect_status 0
	TFO_STATE=$PWD/state try build/bin/tfoctl status
	expect_status 0
}

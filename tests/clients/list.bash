# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # other programs expand; shared with measure
#
# The clients of measure, a line or two each:
#
#   client NAME SERVER PAYLOAD GAINS COMMAND [ARG...]
#
# SERVER is one of servers.bash; PAYLOAD the class of the rule; GAINS `gains`, or a word why nothing can be won (reasons,
# below). COMMAND is run as it stands, with the port for PORT. Where it prints how long it took, `normal` of measure takes
# that out.

declare -A reasons=(
	[gains]='yes: it writes first'
	[listens]='yes: the cookie lets the server speak at once'
	[silent]='no: writes nothing'
	[plain]='no: no Fast Open there'
	[duplicates]='no: it duplicates the descriptor before it writes'
	[itself]='no: does Fast Open itself'
	[reader]='no: another thread of it waits for the answer before it asks'
	[stdio]='no: it writes through stdio'
	[static]='no: static, cannot be preloaded'
)

get=$CLIENTS/get.py
request='printf "GET /hello HTTP/1.0\r\n\r\n"'

client 'curl, http' web http gains curl -sS http://server.test:PORT/hello
client 'curl, https' tls tls gains curl -sS https://server.test:PORT/hello
client 'curl, ftp' ftp any listens curl -sS ftp://10.9.0.1:PORT/hello
client 'curl, smtp' smtp any listens \
	sh -c 'echo hello | curl -sS --mail-from a@server.test --mail-rcpt b@server.test -T - smtp://10.9.0.1:PORT'
client 'wget, http' web http gains wget -nv -t 1 -O- http://server.test:PORT/hello
client 'wget, https (GnuTLS)' tls tls gains wget -nv -t 1 -O- --ca-certificate="$SSL_CERT_FILE" https://server.test:PORT/hello
client 'wget2' web http itself wget2 -nv --tries=1 -O- http://server.test:PORT/hello
client 'wget2 --no-tcp-fastopen' web http gains wget2 -nv --tries=1 --no-tcp-fastopen -O- http://server.test:PORT/hello
client 'aria2' web http gains aria2c -q -d / -o "$LAB_TMP/aria2" --allow-overwrite=true http://server.test:PORT/hello
client 'axel' web http gains axel -q -n 1 -o /dev/stdout http://server.test:PORT/hello
client 'lftp' web http gains lftp -c 'set net:max-retries 1; cat http://server.test:PORT/hello'
client 'w3m' web http gains w3m -dump http://server.test:PORT/hello
client 'lynx' web http gains lynx -dump http://server.test:PORT/hello
client 'elinks' web http gains elinks -dump http://server.test:PORT/hello
client 'httpie' web http gains http --ignore-stdin --body http://server.test:PORT/hello
client 'nghttp' h2 any gains nghttp --no-verify-peer http://server.test:PORT/hello
client 'nghttp, https' h2 tls gains nghttp --no-verify-peer https://server.test:PORT/hello
client 'ab' web http gains ab -q -n 1 http://server.test:PORT/hello
client 'wrk' web http gains wrk -c 1 -t 1 -d 1s -H 'Connection: close' http://server.test:PORT/hello

client 'python urllib' web http gains "$get" urllib http://server.test:PORT/hello
client 'python urllib, timeout=' web http gains "$get" urllib http://server.test:PORT/hello 5
client 'python urllib, https' tls tls gains "$get" urllib https://server.test:PORT/hello
client 'python requests, http' web http gains "$get" requests http://server.test:PORT/hello
client 'python requests, https' tls tls gains "$get" requests https://server.test:PORT/hello
client 'python httpx' web http gains "$get" httpx http://server.test:PORT/hello
client 'python aiohttp' web http gains "$get" aiohttp http://server.test:PORT/hello
client 'python asyncio' web http gains "$get" streams http://server.test:PORT/hello
client 'perl LWP' web http gains perl -MLWP::UserAgent \
	-e '$a = LWP::UserAgent->new->get(shift); print $a->is_success ? $a->content : $a->status_line, "\n"' http://server.test:PORT/hello
client 'perl IO::Socket' web http gains perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new("server.test:PORT") or die "no: $@\n";
	print $s "GET /hello HTTP/1.0\r\nHost: x\r\n\r\n"; print <$s>'
client 'ruby Net::HTTP' web http gains ruby -rnet/http -e 'puts Net::HTTP.get(URI("http://server.test:PORT/hello"))'
client 'php file_get_contents' web http gains php -n -r 'echo file_get_contents("http://server.test:PORT/hello");'
client 'node http' web http gains node -e '
	require("http").get("http://server.test:PORT/hello", a => a.pipe(process.stdout)).on("error", e => { console.log(e); process.exit(1) })'
# The first connection is made while V8 compiles the parser that it needs, and one of its threads sleeps meanwhile: hence a
# second one, to another address. The end waits for another compiler.
client 'node fetch, two hosts' web http gains node -e '
	(async () => {
		const start = performance.now()
		for (const host of ["10.9.0.1", "[fd09::1]"])
			await fetch(`http://${host}:PORT/hello`).then(a => a.text()).then(console.log)
		console.log(`took ${performance.now() - start} ms`)
	})().catch(e => { console.log(e); process.exit(1) })'
client 'java URL' web http gains java "${java_options[@]}" Get URL http://server.test:PORT/hello
client 'java HttpClient' web http reader java "${java_options[@]}" Get HttpClient http://server.test:PORT/hello

client 'git, http' web http gains git ls-remote http://server.test:PORT/repo.git
client 'git, git://' git any duplicates git ls-remote git://server.test:PORT/repo.git
client 'psql, ssl' postgres any gains psql -Atc 'select 1 + 1' 'host=server.test port=PORT user=tester dbname=postgres sslmode=require'
client 'psql, sslmode=disable' postgres any gains \
	psql -Atc 'select 1 + 1' 'host=server.test port=PORT user=tester dbname=postgres sslmode=disable'
client 'mariadb' mysql any listens mariadb --no-defaults -h server.test -P PORT -e 'select 1 + 1'
client 'redis-cli' redis any gains redis-cli -h server.test -p PORT get name
client 'redis-cli, server without Fast Open' redis_plain any plain redis-cli -h server.test -p PORT get name
client 'ldapsearch' ldap any gains ldapsearch -x -H ldap://server.test:PORT -b '' -s base namingContexts
client 'mosquitto_pub' mqtt any gains mosquitto_pub -i lab -h server.test -p PORT -t lab -m hello
client 'rsync' rsync any gains rsync --no-motd --list-only --no-h "rsync://server.test:PORT/www/hello"

client 'openssl s_client' tls tls gains \
	sh -c 'printf "GET /hello HTTP/1.0\r\n\r\n" | openssl s_client -quiet -CAfile "$SSL_CERT_FILE" -connect server.test:PORT'
client 'gnutls-cli' tls tls gains \
	sh -c 'printf "GET /hello HTTP/1.0\r\n\r\n" | gnutls-cli --logfile=/dev/null --x509cafile="$SSL_CERT_FILE" -p PORT server.test'
client 'nc (openbsd)' web http gains sh -c "$request | nc.openbsd -N server.test PORT"
client 'nc (openbsd), a greeting' greeting any listens nc.openbsd -d server.test PORT
client 'nc (openbsd) -z' web any silent nc.openbsd -z -v server.test PORT
client 'ncat' web http gains sh -c "$request | ncat server.test PORT"
client 'ncat, a greeting' greeting any listens ncat --recv-only server.test PORT
client 'socat' web http gains sh -c "$request | socat -t 5 - TCP:server.test:PORT"
client 'socat, a greeting' greeting any listens socat -u TCP:server.test:PORT -
client 'telnet, a greeting' greeting any listens sh -c 'exec telnet server.test PORT <>"$LAB_TMP/silence"'
client 'bash /dev/tcp' web any duplicates \
	bash -c 'exec 5<>/dev/tcp/server.test/PORT && printf "GET /hello HTTP/1.0\r\n\r\n" >&5 && cat <&5'
client 'busybox wget' web http static busybox wget -q -O- http://server.test:PORT/hello
client 'whois' web any stdio whois -h server.test -p PORT example
client 'kdig +tcp' dns dns gains kdig +tcp +short +retry=0 @server.test -p PORT server.test
client 'dig +tcp' dns dns gains dig +tcp +short +tries=1 @server.test -p PORT server.test
client 'ssh' ssh any gains ssh -F none -p PORT -i "$LAB_TMP/ssh/user" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
	-o LogLevel=ERROR tester@server.test echo hello
client 'swaks' smtp any listens swaks --server 10.9.0.1:PORT --to b@server.test --from a@server.test --helo lab --header 'Date: now'
client 'msmtp' smtp any listens sh -c 'echo hello | msmtp --host=10.9.0.1 --port=PORT --from=a@server.test --domain=lab b@server.test'

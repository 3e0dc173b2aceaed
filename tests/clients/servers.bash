# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The servers of measure, a function each. It starts one in the lab, ready when it returns, and its
# name is what list.bash says. Each listens at 10.9.0.1 and fd09::1 (server.test) in $ports[NAME].
#
# Few servers ask for Fast Open themselves (nginx can, unbound does). All others get it from the bit
# 0x400 of net.ipv4.tcp_fastopen, which stands for every listener; except where a client without a
# Fast Open server is the point.

declare -A ports=([web]=8080 [tls]=8443 [h2]=8444 [git]=9418 [redis]=6379 [redis_plain]=6380
	[postgres]=5432 [greeting]=7001 [dns]=5353 [ssh]=2222 [smtp]=2525 [ftp]=2121
	[mqtt]=1883 [mysql]=3306 [ldap]=3890 [rsync]=8730)

LAB_EVERY_LISTENER=$((0x400 | 3))

wait_both() { # PORT
	lab_wait_port 10.9.0.1 "$1" && lab_wait_port fd09::1 "$1"
}

# A git repository, as files that any web server can serve and for git's own.
repository() {
	local repo=$LAB_NGINX/www/repo.git
	[[ ! -e $repo ]] || return 0
	git init -q --bare "$repo" &&
		git -C "$repo" -c user.name=lab -c user.email=lab@server.test commit-tree -m first \
			"$(git -C "$repo" hash-object -w -t tree /dev/null)" >"$LAB_TMP/commit" &&
		git -C "$repo" update-ref refs/heads/main "$(<"$LAB_TMP/commit")" &&
		git -C "$repo" update-server-info
}

serve_web() {
	[[ ! -e $LAB_TMP/running/nginx ]] || return 0
	lab_nginx && repository
}

serve_tls() {
	serve_web
}

serve_h2() {
	serve_web
	lab_start h2 nghttpd -d "$LAB_NGINX/www" "${ports[h2]}" "$LAB_NGINX/key.pem" "$LAB_NGINX/cert.pem"
	lab_wait_port 10.9.0.1 "${ports[h2]}"
}

serve_git() {
	mkdir -p "$LAB_NGINX/www" && repository
	lab_start git git daemon --base-path="$LAB_NGINX/www" --export-all --port="${ports[git]}"
	wait_both "${ports[git]}"
}

serve_redis() {
	lab_start redis redis-server --port "${ports[redis]}" --bind 10.9.0.1 fd09::1 --save '' --protected-mode no
	wait_both "${ports[redis]}"
}

serve_redis_plain() {
	lab_sysctl 3
	lab_start redis_plain redis-server --port "${ports[redis_plain]}" --bind 10.9.0.1 fd09::1 --save '' \
		--protected-mode no
	wait_both "${ports[redis_plain]}"
	lab_sysctl $LAB_EVERY_LISTENER
}

# PostgreSQL and sshd refuse to be root, or want users that are not in the lab: a user namespace in
# which we are user 1000, and a passwd file in which that user has a name.
as_tester=(unshare -U --map-user=1000 --map-group=1000)

serve_postgres() {
	local bin=(/usr/lib/postgresql/*/bin)
	local data=$LAB_TMP/postgres
	"${as_tester[@]}" "${bin[-1]}/initdb" -D "$data" -U tester -A trust --no-sync >"$LAB_TMP/initdb.log"
	printf '%s\n' 'host all all all trust' >>"$data/pg_hba.conf"
	install -m 600 "$LAB_NGINX/key.pem" "$data/server.key"
	cp "$LAB_NGINX/cert.pem" "$data/server.crt"
	lab_start postgres "${as_tester[@]}" "${bin[-1]}/postgres" -D "$data" \
		-p "${ports[postgres]}" -h '*' -c unix_socket_directories= -c ssl=on -c fsync=off
	wait_both "${ports[postgres]}"
}

serve_dns() {
	cat >"$LAB_TMP/unbound.conf" <<-END2
		server:
			interface: 10.9.0.1@${ports[dns]}
			interface: fd09::1@${ports[dns]}
			access-control: 0.0.0.0/0 allow
			access-control: ::/0 allow
			username: ""
			chroot: ""
			directory: ""
			pidfile: ""
			use-syslog: no
			do-daemonize: no
			num-threads: 1
			module-config: iterator
			local-zone: test. static
			local-data: "server.test. A 10.9.0.1"
		remote-control:
			control-enable: no
	END2
	lab_start dns unbound -d -c "$LAB_TMP/unbound.conf"
	wait_both "${ports[dns]}"
}

serve_ssh() {
	mkdir -p "$LAB_TMP/ssh"
	ssh-keygen -q -t ed25519 -N '' -f "$LAB_TMP/ssh/host"
	ssh-keygen -q -t ed25519 -N '' -f "$LAB_TMP/ssh/user"
	cat >"$LAB_TMP/ssh/config" <<-END2
		Port ${ports[ssh]}
		HostKey $LAB_TMP/ssh/host
		AuthorizedKeysFile $LAB_TMP/ssh/user.pub
		StrictModes no
		UsePAM no
		PidFile none
	END2
	lab_start ssh "${as_tester[@]}" /usr/sbin/sshd -D -e -f "$LAB_TMP/ssh/config"
	wait_both "${ports[ssh]}"
}

# Says hello and ends the connection by its exit.
serve_greeting() {
	lab_start greeting socat "TCP6-LISTEN:${ports[greeting]},ipv6only=0,fork,reuseaddr" EXEC:'echo 220 hello',nofork
	lab_wait_port fd09::1 "${ports[greeting]}"
}

serve_smtp() {
	lab_start smtp /usr/bin/python3 -m aiosmtpd -n -l "10.9.0.1:${ports[smtp]}"
	lab_wait_port 10.9.0.1 "${ports[smtp]}"
}

serve_ftp() {
	mkdir -p "$LAB_NGINX/www"
	echo 'Hello from the lab.' >"$LAB_NGINX/www/hello"
	lab_start ftp /usr/bin/python3 -m pyftpdlib -i 10.9.0.1 -p "${ports[ftp]}" -d "$LAB_NGINX/www"
	lab_wait_port 10.9.0.1 "${ports[ftp]}"
}

serve_mqtt() {
	printf '%s\n' "listener ${ports[mqtt]}" 'allow_anonymous true' 'user root' >"$LAB_TMP/mosquitto.conf"
	lab_start mqtt mosquitto -c "$LAB_TMP/mosquitto.conf"
	wait_both "${ports[mqtt]}"
}

serve_mysql() {
	local data=$LAB_TMP/mysql
	mariadb-install-db --no-defaults --auth-root-authentication-method=normal --user=root \
		--datadir="$data" --skip-test-db --innodb-log-file-size=5M >"$LAB_TMP/mysql.log" 2>&1
	lab_start mysql mariadbd --no-defaults --user=root --datadir="$data" --socket="$LAB_TMP/mysql.sock" \
		--port="${ports[mysql]}" --bind-address=10.9.0.1,fd09::1 --skip-grant-tables \
		--skip-name-resolve --pid-file="$LAB_TMP/mysql.pid"
	wait_both "${ports[mysql]}"
}

serve_ldap() {
	cat >"$LAB_TMP/slapd.conf" <<-END2
		include /etc/ldap/schema/core.schema
		modulepath /usr/lib/ldap
		moduleload back_ldif
		pidfile $LAB_TMP/slapd.pid
		database ldif
		suffix dc=test
		rootdn cn=admin,dc=test
		directory $LAB_TMP/ldap
	END2
	mkdir -p "$LAB_TMP/ldap"
	lab_start ldap slapd -d 0 -f "$LAB_TMP/slapd.conf" -h "ldap://:${ports[ldap]}/"
	wait_both "${ports[ldap]}"
}

serve_rsync() {
	mkdir -p "$LAB_NGINX/www"
	echo 'Hello from the lab.' >"$LAB_NGINX/www/hello"
	printf '%s\n' 'use chroot = no' '[www]' "path = $LAB_NGINX/www" 'uid = root' 'gid = root' >"$LAB_TMP/rsyncd.conf"
	lab_start rsync rsync --daemon --no-detach --port="${ports[rsync]}" --config="$LAB_TMP/rsyncd.conf"
	wait_both "${ports[rsync]}"
}

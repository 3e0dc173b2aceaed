# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# A root in which a package can be installed and removed: this machine's programs and dpkg's database, and above them a
# layer of changes. Source it in a mount namespace that ends with the test, `unshare -m bash ...`: nothing of the host's
# must be mounted where a test cleans up.

# Exits with 77 where overlays are not permitted.
lay_over() { # ROOT DIRECTORY
	mkdir -p "$1/changes$2" "$1/work$2" "$1/root$2" &&
		mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/changes$2,workdir=$1/work$2,userxattr" "$1/root$2" ||
		exit 77
}

# Makes DIRECTORY/root.
make_root() { # DIRECTORY
	local link file
	mount -t tmpfs tmpfs "$1" || exit 77
	lay_over "$1" /usr
	lay_over "$1" /var/lib/dpkg
	for link in /bin /sbin /lib*; do
		if [[ -L $link ]]; then
			cp -P "$link" "$1/root"
		else
			lay_over "$1" "$link"
		fi
	done
	mkdir -p "$1"/root/{dev,proc,root,run,tmp} "$1"/root/etc/dpkg/dpkg.cfg.d "$1"/root/var/log
	for file in passwd group hosts nsswitch.conf services ld.so.cache ld.so.conf ld.so.conf.d alternatives; do
		[[ ! -e /etc/$file ]] || cp -r "/etc/$file" "$1/root/etc"
	done
	# Of other packages (the index of manuals): they want users that a lab does not have.
	echo no-triggers >"$1/root/etc/dpkg/dpkg.cfg.d/lab"
	: >"$1/root/var/log/dpkg.log"
	mount -t proc proc "$1/root/proc"
	for file in null zero urandom; do
		: >"$1/root/dev/$file"
		mount --bind "/dev/$file" "$1/root/dev/$file"
	done
}

# What was changed, made or taken away since then, but for dpkg's own notes: each file, and what it is.
list_changes() { # DIRECTORY
	local path type
	{
		(cd "$1/changes" && find . -mindepth 1 -printf '%y %P\n') | while read -r type path; do
			# A directory in which something was changed has become one of the layer.
			[[ $type == d && -d /$path ]] || printf '%s %s\n' "$type" "$path"
		done
		find "$1/root" -xdev -path "$1/root/tmp" -prune -o -printf '%y %P\n'
	} | grep -vE '^f var/lib/dpkg/(status|status-old|lock|lock-frontend|triggers/(Lock|Unincorp))$' | sort
}

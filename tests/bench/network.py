# SPDX-License-Identifier: MIT
"""The laboratory's network, where each round trip time has a block of addresses, and servers in it. Only inside tests/lab/enter."""
import os
import subprocess
import tempfile
import time

from place import NETDELAY
from rows import Cannot
from sampling import output_of

FIRST_BLOCK = 100
EVERY_LISTENER = 0x400 | 3


def quietly(*command):
    output_of(list(command), dict(os.environ))


def set_kernel(name, value):
    with open(os.path.join("/proc/sys/net/ipv4", name), "w", encoding="ascii") as file:
        file.write(str(value))


def counter(name):
    """One of TcpExt, of this network."""
    with open("/proc/self/net/netstat", encoding="ascii") as file:
        names, values = (line.split() for line in file if line.startswith("TcpExt:"))
    return int(values[names.index(name)])


class Line:
    """A block of addresses, all of them this machine's, and all that far away. An address that was never used is one that the
    kernel has no cookie for, and the library no memory of."""

    def __init__(self, number, rtt):
        self.rtt = rtt
        self.block = f"10.{FIRST_BLOCK + number}.0.0/16"
        self.prefix = f"10.{FIRST_BLOCK + number}"
        self.used = 0
        self.process = None
        quietly("ip", "route", "add", "local", self.block, "dev", "lo")
        if rtt:
            self.delay(number)

    def delay(self, queue):
        self.process = subprocess.Popen([NETDELAY, str(queue), str(self.rtt / 2)], stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise Cannot("the delay line does not work here")
        quietly("iptables", "-A", "OUTPUT", "-o", "lo", "-p", "tcp", "-d", self.block, "-j", "NFQUEUE",
                "--queue-num", str(queue), "--queue-bypass")

    def address(self):
        """One that was not given out before."""
        return self.addresses(1)

    def addresses(self, count):
        """The first of some in a row, none of them given out before."""
        first = self.used + 1
        self.used += count
        return f"{self.prefix}.{first // 256}.{first % 256}"

    def drop_syn_data(self):
        """Puts a middlebox into the way that drops each SYN with data."""
        on_arrival(f"ip daddr {self.block} tcp flags & (syn|ack) == syn @ih,0,8 >= 0 counter drop")


def on_arrival(rule):
    quietly("nft", f"table inet bench {{\nchain arrival {{\ntype filter hook input priority 0\n{rule}\n}}\n}}")


def drop_syn(port):
    on_arrival(f"tcp dport {port} tcp flags & (syn|ack) == syn counter drop")


def ethernet():
    """Packets as large as most networks have them; loopback alone would take 64 KiB in a SYN."""
    quietly("ip", "link", "set", "lo", "mtu", "1500")


def cheap_ports():
    """Ports enough for some hundred thousand connections. A server's is not among them: it could not be listened at while a
    connection that has just ended has it."""
    set_kernel("ip_local_port_range", "16384 65535")
    set_kernel("tcp_tw_reuse", 1)


class Service:
    """A server in the background, until the laboratory ends or stop() is called."""

    def __init__(self, command, environment, ready):
        said = tempfile.TemporaryFile("w+", errors="replace")
        try:
            self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        except FileNotFoundError as error:
            raise Cannot(f"{command[0]} is not installed") from error
        end = time.monotonic() + 10
        while not ready():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                said.seek(0)
                raise Cannot(f"{os.path.basename(command[0])} does not start: {''.join(said.readlines()[-1:]).strip()[-80:]}")
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def listening(port):
    """As the kernel lists it; makes no connection."""
    wanted = f"{port:04X}"
    for path in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        with open(path, encoding="ascii") as file:
            for line in file:
                fields = line.split()
                if fields[1].endswith(":" + wanted) and fields[3] == "0A":
                    return True
    return False


NGINX = """
daemon off;
worker_processes 1;
user root root;
pid nginx.pid;
error_log error.log;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;
    default_type text/plain;
    keepalive_requests 1000000;
    server {
        listen HTTP backlog=1024 fastopen=1024;
        listen HTTPS ssl backlog=1024 fastopen=1024;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        location / { return 200 "hello\\n"; }
    }
}
"""


def start_nginx(run, http, https, environment=None):
    directory = run.path(f"nginx.{http}")
    os.mkdir(directory)
    quietly("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=bench.test", "-addext", "subjectAltName=DNS:bench.test",
            "-keyout", f"{directory}/key.pem", "-out", f"{directory}/cert.pem")
    with open(f"{directory}/nginx.conf", "w", encoding="ascii") as file:
        file.write(NGINX.replace("HTTPS", str(https)).replace("HTTP", str(http)))
    nginx = ["nginx", "-e", "error.log", "-p", directory, "-c", "nginx.conf"]
    return Service(nginx, environment or run.environment(), lambda: listening(http)), f"{directory}/cert.pem"

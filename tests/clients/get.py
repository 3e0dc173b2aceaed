#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""get.py LIBRARY URL [TIMEOUT]: what Python's HTTP clients print of a page.

$SSL_CERT_FILE names the certificate that is trusted.
"""
import sys


def urllib(url, timeout):
    import urllib.request
    print(urllib.request.urlopen(url, **timeout).read())


def requests(url, timeout):
    import os
    import requests
    print(requests.get(url, verify=os.environ.get('SSL_CERT_FILE', True), **timeout).text)


def httpx(url, timeout):
    import httpx
    print(httpx.get(url, **timeout).text)


def aiohttp(url, _timeout):
    import asyncio
    import aiohttp

    async def get():
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            print(await answer.text())
    asyncio.run(get())


def streams(url, _timeout):
    """asyncio alone."""
    import asyncio
    import urllib.parse
    where = urllib.parse.urlsplit(url)

    async def get():
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(f'GET {where.path} HTTP/1.0\r\nHost: {where.hostname}\r\n\r\n'.encode())
        print((await reader.read()).partition(b'\r\n\r\n')[2])
        writer.close()
    asyncio.run(get())


globals()[sys.argv[1]](sys.argv[2], {'timeout': float(sys.argv[3])} if len(sys.argv) > 3 else {})

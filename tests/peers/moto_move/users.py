"""Users of the stack: they look its name up, write over HTTPS, and note what was acknowledged."""

import http.client
import socket
import ssl
import struct
import threading
import time

from names import ADDRESS, packed


class Users:
    def __init__(self, world, name):
        self.name = name
        self.context = ssl.create_default_context(cafile=str(world.authority.file))
        self.acknowledged = []
        self.number = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._write, daemon=True)

    def look_up(self):
        """The first address of the name, asked of the zone's own server."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.sendto(struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + packed(self.name) + struct.pack(">HH", 1, 1), (ADDRESS, 53))
            reply = s.recv(4096)
        if struct.unpack(">H", reply[6:8])[0] == 0:
            raise OSError(f"{self.name} has no address")
        return socket.inet_ntoa(reply[-4:])

    def request(self, method, path):
        """Status, body, and the certificate's subject; by the name, with the name's certificate."""
        stream = self.context.wrap_socket(socket.create_connection((self.look_up(), 443), 5), server_hostname=self.name)
        stream.settimeout(10)
        subject = dict(pair for (pair,) in stream.getpeercert()["subject"])["commonName"]
        connection = http.client.HTTPConnection(self.name)
        connection.sock = stream
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body, subject

    def _write(self):
        while not self.over.wait(0.5):
            self.number += 1
            try:
                status, _, _ = self.request("POST", f"/issues/{self.number}")
            except OSError:
                continue
            if status == 201:
                self.acknowledged.append((time.monotonic(), self.number))

    def start(self):
        self.thread.start()

    def accepted_within(self, seconds):
        """Writes acknowledged from now on, for so long."""
        began = time.monotonic()
        self.over.wait(seconds)
        return [number for at, number in self.acknowledged if at > began]

    def until_accepted(self, within=30):
        began = time.monotonic()
        while not self.accepted_within(0.2):
            if time.monotonic() - began > within:
                raise SystemExit(f"no write is accepted: {self.request('GET', '/login')}")

    def stop(self):
        self.over.set()
        if self.thread.is_alive():
            self.thread.join(15)

"""A name server that answers from moto's Route 53: what the zones' records say, where balancers and name servers are."""

import socket
import socketserver
import struct
import threading

ADDRESS = "127.0.53.1"
KINDS = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 16: "TXT", 28: "AAAA"}
NUMBERS = {name: number for number, name in KINDS.items()}


def packed(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.rstrip(".").split(".")) + b"\0"


def question(packet):
    parts, at = [], 12
    while packet[at]:
        parts.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += packet[at] + 1
    kind = struct.unpack(">H", packet[at + 1 : at + 3])[0]
    return ".".join(parts).lower(), KINDS.get(kind, ""), packet[12 : at + 5]


class Names:
    def __init__(self, aws, gaps, door_of):
        """`door_of` gives the address of a balancer's name, or None."""
        self.aws, self.gaps, self.door_of = aws, gaps, door_of
        names = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self):
                packet, reply = self.request
                reply.sendto(names.answer(packet), self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self):
                length = struct.unpack(">H", self.rfile.read(2))[0]
                reply = names.answer(self.rfile.read(length))
                self.wfile.write(struct.pack(">H", len(reply)) + reply)

        class UdpServer(socketserver.ThreadingUDPServer):
            allow_reuse_address = True
            daemon_threads = True

        class TcpServer(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        try:
            self.servers = [UdpServer((ADDRESS, 53), Udp), TcpServer((ADDRESS, 53), Tcp)]
        except PermissionError:
            raise SystemExit(f"the name server needs port 53 of {ADDRESS}: run as root")
        for server in self.servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def zones(self):
        client = self.aws.client("route53", "us-east-1")
        for zone in client.list_hosted_zones()["HostedZones"]:
            records = client.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
            yield zone["Name"].rstrip("."), records

    def look_up(self, name, kind):
        """What is found: pairs of type and value, and whether the name exists."""
        door = self.door_of(name)
        if door:
            return ([("A", door)] if kind == "A" else []), True
        servers = set()
        for zone, records in self.zones():
            for record in records:
                if record["Type"] == "NS":
                    servers.update(r["Value"].rstrip(".").lower() for r in record.get("ResourceRecords", []))
            if name != zone and not name.endswith("." + zone):
                continue
            self.gaps.met("route53-servers")
            mine = [r for r in records if r["Name"].rstrip(".").lower() == name]
            for record in mine:
                if record["Type"] == "CNAME" and kind != "CNAME":
                    to = record["ResourceRecords"][0]["Value"].rstrip(".").lower()
                    return [("CNAME", to), *self.look_up(to, kind)[0]], True
                if record["Type"] != kind:
                    continue
                if "AliasTarget" in record:
                    to = record["AliasTarget"]["DNSName"].rstrip(".").lower()
                    return self.look_up(to.removeprefix("dualstack."), kind)
                return [(kind, r["Value"].rstrip(".")) for r in record["ResourceRecords"]], True
            return [], bool(mine)
        if name in servers:
            return ([("A", ADDRESS)] if kind == "A" else []), True
        return [], False

    def answer(self, packet):
        name, kind, asked = question(packet)
        try:
            found, exists = self.look_up(name, kind)
            code = 0 if exists else 3
        except Exception:
            found, code = [], 2
        body, owner = b"", name
        for its_kind, value in found:
            data = socket.inet_aton(value) if its_kind == "A" else packed(value)
            body += packed(owner) + struct.pack(">HHIH", NUMBERS[its_kind], 1, 1, len(data)) + data
            if its_kind == "CNAME":
                owner = value
        flags = 0x8580 | code
        return packet[:2] + struct.pack(">HHHHH", flags, 1, len(found), 0, 0) + asked + body

    def stop(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

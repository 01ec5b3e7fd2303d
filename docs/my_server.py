# A short server as a learner might write it: cargo compare short-server python3 docs/my_server.py

import socket
import sys

host, port = sys.argv[1].rsplit(":", 1)

server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind((host, int(port)))
server.listen(5)
print("[*] listening on %s:%s" % (host, port))
while True:
    client, addr = server.accept()
    print("[*] Accepted connection from: %s:%d" % addr)
    try:
        message = client.recv(1024)
        print("[*] Received:", message.decode(errors="backslashreplace"))
        client.sendall(b"ACK!")
    except OSError as error:
        print("[!]", error)
    client.close()

# The long-connection server: the Python 3 twin of src/main.rs, with the original's bugs.

import socket
import sys

address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:12345"
host, port = address.rsplit(":", 1)

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)  # 1 create the socket
listener.bind((host, int(port)))  # 2 bind it to an IP address and a port
listener.listen(5)  # 3 listen for clients
print("[*] listening on %s:%s" % (host, port))
while True:
    client, peer = listener.accept()  # 4 accept a client
    print("[*] Accepted connection from: %s:%d" % peer)
    while True:
        message = client.recv(1024)  # 5 talk with the client
        print("[*] Received:", message.decode())  # decode() turns the bytes into text
        client.send("ACK!".encode())
        print("[*] Sended: ACK!")
    client.close()  # 6 close the client's socket: never reached
listener.close()  # 6 close the listening socket: never reached

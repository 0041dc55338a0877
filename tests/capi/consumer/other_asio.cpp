// A host with an Asio of its own in another configuration: another reactor, other timers, no recycling of memory. Its
// classes have the names of ours and other insides. In one process, its server answers our client and its client asks
// our server: other_asio STORE
#define BOOST_ASIO_DISABLE_EPOLL
#define BOOST_ASIO_DISABLE_EVENTFD
#define BOOST_ASIO_DISABLE_TIMERFD
#define BOOST_ASIO_DISABLE_SMALL_BLOCK_RECYCLING
#include <bulkmsg/bulkmsg.h>

#include <boost/asio.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

using boost::asio::ip::tcp;

namespace {

const std::string answer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 70\r\n\r\n"
    R"({"display_phone_number":"+1 555 0100","verified_name":"Host","id":"1"})";

void check(bulkmsg_status status, bulkmsg_error* err, const char* doing) {
  if (status == BULKMSG_OK) return;
  std::fprintf(stderr, "%s: %s\n", doing, bulkmsg_error_message(err, nullptr));
  std::exit(1);
}

// Answers one request after another, asynchronously, with a timer beside them.
class server {
 public:
  explicit server(boost::asio::io_context& io)
      : acceptor_(io, {boost::asio::ip::address_v4::loopback(), 0}), tick_(io) {
    accept();
    wait();
  }
  [[nodiscard]] int port() const { return acceptor_.local_endpoint().port(); }
  [[nodiscard]] int ticks() const { return ticks_; }

 private:
  void wait() {
    tick_.expires_after(std::chrono::milliseconds(1));
    tick_.async_wait([this](boost::system::error_code failed) {
      if (!failed) ++ticks_, wait();
    });
  }
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code failed, tcp::socket socket) {
      if (failed) return;
      auto kept = std::make_shared<tcp::socket>(std::move(socket));
      auto head = std::make_shared<std::string>();
      boost::asio::async_read_until(
          *kept, boost::asio::dynamic_buffer(*head), "\r\n\r\n", [kept, head](auto bad, std::size_t) {
            if (!bad) boost::asio::async_write(*kept, boost::asio::buffer(answer), [kept](auto, std::size_t) {});
          });
      accept();
    });
  }

  tcp::acceptor acceptor_;
  boost::asio::steady_timer tick_;
  int ticks_ = 0;
};

std::string ask(int port, const std::string& request) {
  boost::asio::io_context io(1);
  tcp::socket socket(io);
  socket.connect({boost::asio::ip::address_v4::loopback(), static_cast<unsigned short>(port)});
  boost::asio::write(socket, boost::asio::buffer(request));
  std::string got;
  boost::asio::read_until(socket, boost::asio::dynamic_buffer(got), "\r\n");
  return got.substr(0, got.find('\r'));
}

}  // namespace

int main(int argc, char** argv) {
  ::setenv("OTHER_ASIO", "secret", 1);
  bulkmsg_error* err = nullptr;
  bulkmsg_config* config = nullptr;
  bulkmsg_engine* engine = nullptr;
  const std::string path = argc == 2 ? argv[1] : "";
  check(bulkmsg_config_create(BULKMSG_CONFIG_ENGINE, &config, &err), err, "config");
  check(bulkmsg_config_set(config, "path", 4, path.data(), path.size(), &err), err, "path");
  check(bulkmsg_engine_open(config, &engine, &err), err, "open");
  bulkmsg_config_destroy(config);

  boost::asio::io_context io(1);
  server host(io);
  const int port = host.port();
  std::thread host_thread([&] { io.run(); });
  const std::string sender = R"({"name":"s","phone_number_id":"1","token":"env:OTHER_ASIO","app_secret":)"
                             R"("env:OTHER_ASIO","origin":"http://127.0.0.1:)" +
                             std::to_string(port) + "\"}";
  std::int64_t id = 0;
  check(bulkmsg_sender_put(engine, sender.data(), sender.size(), &id, &err), err, "sender");
  std::int32_t ours = 0;
  check(bulkmsg_webhook_listen(engine, "127.0.0.1:0", 11, &ours, &err), err, "listen");

  int good = 0;
  for (int round = 0; round < 50; ++round) {
    bulkmsg_text* health = nullptr;
    check(bulkmsg_sender_check(engine, id, nullptr, 0, &health, &err), err, "check");  // our client, the host's server
    if (std::string(bulkmsg_text_data(health, nullptr)).find("+1 555 0100") != std::string::npos) ++good;
    bulkmsg_text_destroy(health);
    // the host's client, our server
    const std::string status = ask(ours, "POST /webhook HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}");
    if (status.find(" 401 ") != std::string::npos) ++good;
  }
  io.stop();
  host_thread.join();
  bulkmsg_engine_destroy(engine);
  std::printf("%d of 100 good, the host's timer %s\n", good, host.ticks() > 0 ? "ran" : "did not run");
  return good == 100 && host.ticks() > 0 ? 0 : 1;
}

// Package jetstream lets hubs of several processes and machines share one durable log:
// a stream of NATS JetStream. What is published on any node reaches the subscribers of
// all, in one order, and a client that was cut off resumes on whichever node it finds.
//
// Only programs that import this package link NATS.
//
// # One program with a durable log of its own
//
// [Embedded] runs a NATS server inside the program. Nothing has to be installed, and a
// restart of the program forgets nothing:
//
//	broker, err := jetstream.Embedded("/var/lib/crimes")
//	if err != nil {
//		return err
//	}
//	defer broker.Close()
//	hub := sse.NewHub(sse.Over(broker))
//	defer hub.Close()
//
// The first process of a program runs the server; those that it starts find it in
// their environment and are connected to it by the same call. [Embedded] tells the
// conditions.
//
// # Several machines with one server
//
// Start "nats-server -js" somewhere, and give all nodes its address:
//
//	broker, err := jetstream.Connect(ctx, "nats://nats.example:4222")
//
// The nodes go on by themselves when the server was restarted: publishers wait, and
// subscribers get what they missed. A stream that does not exist is made; one that does
// is used if it fits, and never altered. Passwords go into the URL, and everything else
// about the connection into options of the client:
//
//	broker, err := jetstream.Connect(ctx, "tls://nats.example:4222",
//		jetstream.NATS(nats.UserCredentials("node.creds"), nats.RootCAs("ca.pem")))
//
// # A cluster that may lose a machine
//
// Three servers that know each other, each with a name and a store of its own:
//
//	nats-server -js -n a -sd /data -cluster_name crimes -cluster nats://0.0.0.0:6222 -routes nats://b:6222,nats://c:6222
//
// The nodes name several of them, and have the stream kept by three:
//
//	broker, err := jetstream.Connect(ctx, "nats://a:4222,nats://b:4222,nats://c:4222", jetstream.Replicas(3))
//
// # What survives what
//
//	                            embedded       one server     cluster of three
//	a node is restarted         everything     everything     everything
//	the program is killed       everything     everything     everything
//	the server is killed        -              everything     everything
//	power failure of the        what came in   what came in   everything, while
//	  server's machine          the last       its last sync  two of three are
//	                            second, see    interval       there
//	                            Sync
//	its disk is lost            nothing        nothing        everything
//	Memory()                    nothing        nothing        everything, while two
//	                            survives       survives       of three run
//
// What was lost is never passed over in silence: a stream that was made anew has another
// epoch, and one that has lost its latest messages gets another, as soon as a node that
// knew of them, or that runs the embedded server, sees it. Clients are told by "sse.gap".
//
// A message is stored once, however often the connection breaks while it is published.
// Idempotency keys are remembered for [DefaultDuplicateWindow], through restarts too.
//
// # Defaults
//
//	what                               default          option
//	name of the stream                 REDSTART         Stream
//	subjects of the stream             redstart.>       Prefix
//	servers that keep it               1                Replicas
//	where it is kept                   on disk          Memory
//	age of what is kept                24 h             MaxAge
//	size of what is kept               1 GiB, 256 MiB   MaxBytes
//	                                   in memory
//	number of messages kept            no bound         MaxMessages
//	memory of idempotency keys         2 min            DuplicateWindow
//	how long a call tries in an        10 s             Patience
//	  outage; Tail never gives up
//	connection                         reconnects for   NATS
//	                                   ever, 25 ms to
//	                                   1 s apart
//	an embedded server writes          each second      Sync
//	  through to the disk
//	largest message of an embedded     8 MiB            MaxPayload
//	  server; others have 1 MiB
//	log of an embedded server          none             ServerLog
//
// What is kept is set when the stream is made. To change it later, use the nats tool
// ("nats stream edit REDSTART --max-age 48h"): a node that asks for something else than
// there is refuses to start, with an [*UnfitError].
//
// # Other programs
//
// A topic is a subject behind the prefix: what
//
//	nats pub redstart.crimes '{"crime":"jaywalking"}'
//
// publishes arrives in the topic "crimes". Dots stay dots, except at the ends and
// behind one another, so that "nats sub 'redstart.crimes.>'" gets all topics below
// crimes. Letters and digits of ASCII and - _ ~ : / @ = + , stay as they are; any other
// byte of a topic becomes %XX in the subject. The body is the message's data, and
// headers are its other fields, in which blanks, the percent sign and what is not ASCII
// may be written as %XX too:
//
//	Redstart-Event       the event's name
//	Redstart-Retry       the time to reconnect after, such as 3s
//	Redstart-State-Key   see sse.Message.WithStateKey
//	Nats-Msg-Id          the idempotency key; one that begins with %~ is of this
//	                     package's own making and stands for none
//	Redstart-Call        which call of Publish made a message with a key; of use to that
//	                     call alone
//
// # Permissions
//
// A node's user needs to subscribe to _INBOX.> and to publish to these, where the
// stream is REDSTART and the prefix redstart:
//
//	redstart.>
//	$JS.API.STREAM.INFO.REDSTART
//	$JS.API.STREAM.CREATE.REDSTART            unless the stream is made by someone else
//	$JS.API.STREAM.UPDATE.REDSTART            to mark a loss of messages by a new epoch
//	$JS.API.CONSUMER.CREATE.REDSTART.>
//	$JS.API.CONSUMER.DELETE.REDSTART.>
//	$JS.API.CONSUMER.MSG.NEXT.REDSTART.>
//	$JS.API.DIRECT.GET.REDSTART
//
// Servers have to be of version 2.11 at least.
package jetstream

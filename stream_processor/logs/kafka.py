"""placeholder"""


class KafkaLog: ...

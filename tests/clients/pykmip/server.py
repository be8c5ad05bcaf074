"""What the server says about itself, and to whom."""

from kmip.core import enums
from kmip.core.enums import Operation, QueryFunction
from kmip.core.messages.contents import ProtocolVersion
from kmip.core.objects import Credential, UsernamePasswordCredential

from scene import V1_1, V1_2, V2_0, Reason, Type, case, equal


@case()
def query_names_the_operations_of_the_version_and_no_later(scene):
    told = scene.low.query(query_functions=[QueryFunction.QUERY_OPERATIONS])
    equal(told.result_status.value, enums.ResultStatus.SUCCESS)
    operations = {Operation(getattr(operation, "value", operation)) for operation in told.operations}
    ever = {Operation.CREATE, Operation.CREATE_KEY_PAIR, Operation.REGISTER, Operation.LOCATE, Operation.GET,
            Operation.GET_ATTRIBUTES, Operation.GET_ATTRIBUTE_LIST, Operation.MODIFY_ATTRIBUTE, Operation.DELETE_ATTRIBUTE,
            Operation.ACTIVATE, Operation.REVOKE, Operation.DESTROY, Operation.QUERY}
    assert ever <= operations, ever - operations
    since = {Operation.DISCOVER_VERSIONS: V1_1, Operation.ENCRYPT: V1_2, Operation.SIGN: V1_2, Operation.MAC: V1_2,
             Operation.SET_ATTRIBUTE: V2_0}
    for operation, version in since.items():
        equal((operation, operation in operations), (operation, scene.version >= version))


@case()
def query_names_the_objects_and_the_vendor(scene):
    told = scene.low.query(query_functions=[QueryFunction.QUERY_OBJECTS, QueryFunction.QUERY_SERVER_INFORMATION])
    kinds = {Type(getattr(kind, "value", kind)) for kind in told.object_types}
    ever = {Type.SYMMETRIC_KEY, Type.PUBLIC_KEY, Type.PRIVATE_KEY, Type.CERTIFICATE, Type.SECRET_DATA, Type.OPAQUE_DATA}
    assert ever <= kinds, kinds
    equal((Type.TEMPLATE in kinds, Type.PGP_KEY in kinds), (scene.version < V2_0, scene.version >= V1_2))
    assert getattr(told.vendor_identification, "value", told.vendor_identification)
    assert not told.operations, told.operations


@case(since=V1_1)
def discover_versions_offers_all_newest_first(scene):
    told = [str(version) for version in scene.low.discover_versions().protocol_versions]
    equal([version for version in told if version <= "2.1"], ["2.1", "2.0", "1.4", "1.3", "1.2", "1.1", "1.0"])
    equal(told, sorted(told, reverse=True))


@case(since=V1_1)
def discover_versions_offers_of_what_was_asked_only_what_is_spoken(scene):
    asked = [ProtocolVersion(1, 2), ProtocolVersion(9, 9), ProtocolVersion(2, 0)]
    told = scene.low.discover_versions(protocol_versions=asked).protocol_versions
    equal([str(version) for version in told], ["2.0", "1.2"])
    told = scene.low.discover_versions(protocol_versions=[ProtocolVersion(9, 9)]).protocol_versions
    equal(list(told), [])


@case()
def many_requests_go_over_one_connection(scene):
    uid = scene.key()
    for _ in range(50):
        equal(scene.pie.get(uid).value, bytes(range(32)))


@case()
def a_strangers_key_is_refused_like_one_that_is_not_there(scene):
    uid, absent = scene.key(), "11111111-2222-4333-8444-555555555555"
    bob = scene.client("bob")
    for verb in (bob.get, bob.get_attributes, bob.get_attribute_list, bob.activate, bob.destroy):
        strange = scene.refused(Reason.OBJECT_NOT_FOUND, verb, uid)
        equal(strange.replace(uid, absent), scene.refused(Reason.OBJECT_NOT_FOUND, verb, absent))
    equal(scene.pie.get(uid).value, bytes(range(32)))


@case()
def a_credential_in_the_message_does_not_make_another_of_the_client(scene):
    uid = scene.key()
    claim = Credential(
        credential_type=enums.CredentialType.USERNAME_AND_PASSWORD,
        credential_value=UsernamePasswordCredential(username="alice", password="guess"),
    )
    told = scene.client("bob").proxy.get(uuid=uid, credential=claim)
    equal(told.result_status.value, enums.ResultStatus.OPERATION_FAILED)
    assert told.secret is None

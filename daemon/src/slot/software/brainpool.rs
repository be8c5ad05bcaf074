//! The curves of RFC 5639, which AWS-LC computes on and has no names for.

use openssl::{
    bn::{BigNum, BigNumContext},
    ec::{EcGroup, EcPoint},
    error::ErrorStack,
};
use strongroom_kmip::mechanism::Curve;

use crate::slot::contract::Error;

/// The group of such a curve.
pub(super) fn group(curve: Curve) -> Result<EcGroup, Error> {
    let row = ROWS.iter().find(|row| row.curve == curve).ok_or(Error::Unsupported("a group of that curve"))?;
    row.group().map_err(|_| Error::Engine("a curve of RFC 5639"))
}

/// The domain parameters of a curve, as RFC 5639 §3 writes them.
struct Row {
    curve: Curve,
    p: &'static str,
    a: &'static str,
    b: &'static str,
    x: &'static str,
    y: &'static str,
    q: &'static str,
}

impl Row {
    fn group(&self) -> Result<EcGroup, ErrorStack> {
        let mut context = BigNumContext::new()?;
        let number = BigNum::from_hex_str;
        let mut group = EcGroup::from_components(number(self.p)?, number(self.a)?, number(self.b)?, &mut context)?;
        let bytes =
            [vec![4], number(self.x)?.to_vec_padded(self.width())?, number(self.y)?.to_vec_padded(self.width())?];
        let generator = EcPoint::from_bytes(&group, &bytes.concat(), &mut context)?;
        group.set_generator(generator, number(self.q)?, BigNum::from_u32(1)?)?;
        Ok(group)
    }

    fn width(&self) -> i32 {
        i32::try_from(self.curve.length()).unwrap_or(i32::MAX)
    }
}

const ROWS: &[Row] = &[
    Row {
        curve: Curve::BrainpoolP256r1,
        p: "A9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377",
        a: "7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9",
        b: "26DC5C6CE94A4B44F330B5D9BBD77CBF958416295CF7E1CE6BCCDC18FF8C07B6",
        x: "8BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262",
        y: "547EF835C3DAC4FD97F8461A14611DC9C27745132DED8E545C1D54C72F046997",
        q: "A9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7",
    },
    Row {
        curve: Curve::BrainpoolP384r1,
        p: "8CB91E82A3386D280F5D6F7E50E641DF152F7109ED5456B412B1DA197FB71123ACD3A729901D1A71874700133107EC53",
        a: "7BC382C63D8C150C3C72080ACE05AFA0C2BEA28E4FB22787139165EFBA91F90F8AA5814A503AD4EB04A8C7DD22CE2826",
        b: "04A8C7DD22CE28268B39B55416F0447C2FB77DE107DCD2A62E880EA53EEB62D57CB4390295DBC9943AB78696FA504C11",
        x: "1D1C64F068CF45FFA2A63A81B7C13F6B8847A3E77EF14FE3DB7FCAFE0CBD10E8E826E03436D646AAEF87B2E247D4AF1E",
        y: "8ABE1D7520F9C2A45CB1EB8E95CFD55262B70B29FEEC5864E19C054FF99129280E4646217791811142820341263C5315",
        q: "8CB91E82A3386D280F5D6F7E50E641DF152F7109ED5456B31F166E6CAC0425A7CF3AB6AF6B7FC3103B883202E9046565",
    },
    Row {
        curve: Curve::BrainpoolP512r1,
        p: "AADD9DB8DBE9C48B3FD4E6AE33C9FC07CB308DB3B3C9D20ED6639CCA703308717D4D9B009BC66842AECDA12AE6A380E62881FF2F2D82\
            C68528AA6056583A48F3",
        a: "7830A3318B603B89E2327145AC234CC594CBDD8D3DF91610A83441CAEA9863BC2DED5D5AA8253AA10A2EF1C98B9AC8B57F1117A72BF2\
            C7B9E7C1AC4D77FC94CA",
        b: "3DF91610A83441CAEA9863BC2DED5D5AA8253AA10A2EF1C98B9AC8B57F1117A72BF2C7B9E7C1AC4D77FC94CADC083E67984050B75EBA\
            E5DD2809BD638016F723",
        x: "81AEE4BDD82ED9645A21322E9C4C6A9385ED9F70B5D916C1B43B62EEF4D0098EFF3B1F78E2D0D48D50D1687B93B97D5F7C6D5047406A\
            5E688B352209BCB9F822",
        y: "7DDE385D566332ECC0EABFA9CF7822FDF209F70024A57B1AA000C55B881F8111B2DCDE494A5F485E5BCA4BD88A2763AED1CA2B2FA8F0\
            540678CD1E0F3AD80892",
        q: "AADD9DB8DBE9C48B3FD4E6AE33C9FC07CB308DB3B3C9D20ED6639CCA70330870553E5C414CA92619418661197FAC10471DB1D381085D\
            DADDB58796829CA90069",
    },
];
